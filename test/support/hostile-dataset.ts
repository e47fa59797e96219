import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { defineDataset, type ImageSource, type Split } from "../../core/plugin-api/index.ts";
import { HOSTILE } from "./hostile-names.ts";

/** An 8 × 8 grey picture, as a file's content. */
function picture(label: number, index: number): Promise<Buffer> {
  const pixels = Uint8Array.from(
    { length: 64 },
    (_, p) => 128 + 80 * Math.sin((p % 8) * (0.4 + 0.4 * label)) + 30 * Math.sin(p * 12.9 + index * 78.2),
  );
  return sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } })
    .png()
    .toBuffer();
}

/** A data set whose name, classes and files are called what nobody should call them. */
export const plugin = defineDataset<Record<string, never>>({
  name: "hostile",
  summary: "Names that are markup, for tests",
  options: { type: "object", properties: {}, additionalProperties: false },
  async load({ cacheDir }) {
    const split = async (name: string, perClass: (label: number) => number): Promise<Split> => {
      const entries = HOSTILE.flatMap((_, label) =>
        Array.from({ length: perClass(label) }, (_, index) => ({ label, index })),
      );
      const images = entries.map(async ({ label, index }): Promise<ImageSource> => {
        const path = join(cacheDir, name, `${HOSTILE[label]!.slice(0, 100)} ${index}.png`);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, await picture(label, index));
        return { kind: "file", path };
      });
      return { images: await Promise.all(images), labels: Int32Array.from(entries, ({ label }) => label) };
    };
    return {
      name: `hostile ${HOSTILE[0]}`,
      classNames: HOSTILE,
      train: await split("train", (label) => Math.max(1, 12 - 2 * label)),
      validation: await split("validation", () => 2),
      test: await split("test", () => 2),
      digest: "0".repeat(64),
      source: HOSTILE[1],
    };
  },
});
