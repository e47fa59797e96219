import type { Preprocessor } from "../checkpoint/preprocessor-config.ts";

/** Writes interleaved uint8 pixels as normalised planes: [H, W, C] → [C, H, W]. */
export type Normalise = (pixels: Uint8Array, out: Float32Array, mirrored?: boolean) => void;

/** (v · rescale − mean) / std per channel, for square images of the tower's size, from a table of all 256 values. */
export function createNormalise({ channels, imageSize: side, rescale, mean, std }: Preprocessor): Normalise {
  const tables = Array.from({ length: channels }, (_, c) =>
    Float32Array.from({ length: 256 }, (_, v) => (v * rescale - mean[c]!) / std[c]!),
  );
  return (pixels, out, mirrored = false) => {
    for (const [c, table] of tables.entries()) {
      let at = c * side * side;
      for (let y = 0; y < side; y++) {
        const row = y * side * channels + c;
        let from = mirrored ? row + (side - 1) * channels : row;
        const step = mirrored ? -channels : channels;
        for (let x = 0; x < side; x++, from += step) out[at++] = table[pixels[from]!]!;
      }
    }
  };
}
