import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { uniformFrom } from "../../core/training/random.ts";

export const WIDTH = 500;
export const HEIGHT = 375;

/**
 * Writes JPEGs like ImageNet's: 500 × 375, quality 90, 4:2:0, about 65 KB, noise at several scales as photographs have
 * it. The same files on every machine, but for the encoder's version.
 * @returns their paths
 */
export async function writeJpegs(folder: string, count: number): Promise<string[]> {
  const paths: string[] = [];
  for (let i = 0; i < count; i++) {
    const path = join(folder, `${String(i).padStart(5, "0")}.jpg`);
    const pixels = await photograph(i);
    const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
    const jpeg = await sharp(pixels, { raw })
      .jpeg({ quality: 90, chromaSubsampling: "4:2:0", mozjpeg: false })
      .toBuffer();
    await writeFile(path, jpeg);
    paths.push(path);
  }
  return paths;
}

/** Grid width of the noise → its amplitude. */
const OCTAVES = [
  [4, 60],
  [16, 40],
  [64, 25],
  [200, 12],
] as const;

async function photograph(seed: number): Promise<Uint8Array> {
  const uniform = uniformFrom("photograph", seed);
  const sum = new Float32Array(WIDTH * HEIGHT * 3).fill(128);
  for (const [columns, amplitude] of OCTAVES) {
    const rows = Math.round((columns * HEIGHT) / WIDTH);
    const grid = Uint8Array.from({ length: columns * rows * 3 }, () => Math.floor(uniform() * 256));
    const smooth = await sharp(grid, { raw: { width: columns, height: rows, channels: 3 } })
      .resize(WIDTH, HEIGHT, { fit: "fill", kernel: "cubic" })
      .raw()
      .toBuffer();
    for (let i = 0; i < sum.length; i++) sum[i]! += ((smooth[i]! - 127.5) / 64) * amplitude;
  }
  return Uint8Array.from(sum, (value) => Math.max(0, Math.min(255, Math.round(value))));
}
