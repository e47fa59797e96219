/** The cubic kernel's parameter, as in torch and OpenCV (Pillow takes −0.5). */
const A = -0.75;

/**
 * Position embeddings [1 + from², width] for a grid of another size: [1 + to², width]. The class token's stays, the
 * patches' are resized as images whose pixels they are: bicubic, half-pixel centres, edges repeated, no antialiasing
 * when the grid shrinks. That is transformers' `interpolate_pos_encoding`; open_clip's loader antialiases.
 * Kernel: Keys, 1981, eq. 4 with a = −0.75.
 */
export function resizePositions(values: Float32Array, width: number, from: number, to: number): Float32Array {
  const taps = Array.from({ length: to }, (_, i) => tapsOf(i, from, to));
  const out = new Float32Array((1 + to * to) * width);
  out.set(values.subarray(0, width));
  const row = new Float64Array(width);
  for (const [y, ys] of taps.entries()) {
    for (const [x, xs] of taps.entries()) {
      row.fill(0);
      for (const { at: v, weight: byRow } of ys) {
        for (const { at: u, weight: byColumn } of xs) {
          const start = (1 + v * from + u) * width;
          for (let i = 0; i < width; i++) row[i]! += byRow * byColumn * values[start + i]!;
        }
      }
      out.set(row, (1 + y * to + x) * width);
    }
  }
  return out;
}

/** The four pixels of a line that output `i` is made of. */
function tapsOf(i: number, from: number, to: number): { at: number; weight: number }[] {
  const centre = ((i + 0.5) * from) / to - 0.5;
  const first = Math.floor(centre) - 1;
  return [0, 1, 2, 3].map((k) => ({
    at: Math.min(Math.max(first + k, 0), from - 1),
    weight: kernel(Math.abs(centre - first - k)),
  }));
}

const kernel = (x: number): number =>
  x <= 1 ? ((A + 2) * x - (A + 3)) * x * x + 1 : ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
