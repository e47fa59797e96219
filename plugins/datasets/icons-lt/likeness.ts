/** Exact identity of a raster, as a map key. */
export const exactKey = (pixels: Uint8Array): string => Buffer.from(pixels).toString("latin1");

const GRID = 8;
const LEVELS = 4;

/** Coarse identity: mean grey of 8 × 8 blocks in four levels. Equal for drawings that differ in single pixels only. */
export function coarseKey(pixels: Uint8Array, side: number): string {
  const codes = new Uint8Array(GRID * GRID);
  for (let by = 0; by < GRID; by++) {
    for (let bx = 0; bx < GRID; bx++) {
      const [x0, x1] = [Math.floor((bx * side) / GRID), Math.floor(((bx + 1) * side) / GRID)];
      const [y0, y1] = [Math.floor((by * side) / GRID), Math.floor(((by + 1) * side) / GRID)];
      let sum = 0;
      for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) sum += pixels[y * side + x]!;
      codes[by * GRID + bx] = Math.min(
        LEVELS - 1,
        Math.floor((sum / ((y1 - y0) * (x1 - x0)) / 256) * LEVELS),
      );
    }
  }
  return String.fromCharCode(...codes);
}

/** Nothing to see: all but white, or all but black. */
export function isBlank(pixels: Uint8Array): boolean {
  let ink = 0;
  for (const value of pixels) ink += 255 - value;
  const share = ink / (255 * pixels.length);
  return share < 0.004 || share > 0.97;
}
