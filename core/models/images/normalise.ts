import type { Preprocessor } from "../checkpoint/preprocessor-config.ts";

/** Writes interleaved uint8 pixels as normalised planes: [H, W, C] → [C, H, W]. */
export type Normalise = (pixels: Uint8Array, out: Float32Array, mirrored?: boolean) => void;

type Options = Pick<Preprocessor, "channels" | "imageSize" | "rescale" | "mean" | "std">;

/** (v · rescale − mean) / std per channel, for square images of the tower's size, from a table of all 256 values. */
export function createNormalise({ channels, imageSize: side, rescale, mean, std }: Options): Normalise {
  const tables = Array.from({ length: channels }, (_, c) =>
    Float32Array.from({ length: 256 }, (_, v) => (v * rescale - mean[c]!) / std[c]!),
  );
  const write = channels === 3 ? writePlanes : writePlane;
  return (pixels, out, mirrored = false) => {
    for (let y = 0; y < side; y++) {
      const row = y * side;
      if (mirrored) write(tables, pixels, row + side - 1, -1, out, row, side);
      else write(tables, pixels, row, 1, out, row, side);
    }
  };
}

/** One row: pixel `from`, `from + step` … into `out` from `at` on. */
type WriteRow = (
  tables: readonly Float32Array[],
  pixels: Uint8Array,
  from: number,
  step: number,
  out: Float32Array,
  at: number,
  side: number,
) => void;

const writePlane: WriteRow = ([table], pixels, from, step, out, at, side) => {
  for (let x = 0, p = from; x < side; x++, p += step) out[at + x] = table![pixels[p]!]!;
};

const writePlanes: WriteRow = ([red, green, blue], pixels, from, step, out, at, side) => {
  const plane = side * side;
  const stride = 3 * step;
  for (let x = at, p = 3 * from; x < at + side; x++, p += stride) {
    out[x] = red![pixels[p]!]!;
    out[x + plane] = green![pixels[p + 1]!]!;
    out[x + 2 * plane] = blue![pixels[p + 2]!]!;
  }
};
