import type { TensorData } from "../graph/index.ts";
import { workAhead } from "./images/work-ahead.ts";

/** Fills `out` with the pixels of the samples, [indices × views × C × H × W]. */
export type FillPixels = (indices: ArrayLike<number>, out: Float32Array) => Promise<void>;

export interface BatchedImages {
  readonly fill: FillPixels;
  /** Images; the first `count` of the split. */
  readonly count: number;
  /** What `fill` writes per image (the crops of a test-time ensemble); outputs are averaged over them. */
  readonly views: number;
  /** Numbers per view: C · H · W. */
  readonly perView: number;
  readonly onBatch?: (images: number) => void;
}

/**
 * Runs images through a graph of a fixed batch size; what pads the last batch is dropped.
 * @param batch views per run
 * @param outputs name → width of its rows
 * @param run pixels [batch × C × H × W] → rows by name, [batch × width]
 * @returns by name, [count × width]: the mean over each image's views
 */
export async function runInBatches<Name extends string>(
  { fill, count, views, perView, onBatch }: BatchedImages,
  batch: number,
  outputs: Readonly<Record<Name, number>>,
  run: (pixels: Float32Array) => Promise<Readonly<Record<string, TensorData>>>,
): Promise<Record<Name, Float32Array>> {
  const names = Object.keys(outputs) as Name[];
  const out = Object.fromEntries(
    names.map((name) => [name, new Float32Array(count * outputs[name])]),
  ) as Record<Name, Float32Array>;
  // Whole images at a time: one that has more views than a batch holds takes several runs.
  const group = Math.max(1, Math.floor(batch / views));
  const runs = Math.ceil((group * views) / batch);
  // Two: one group's images are prepared while the group before is computed.
  const buffers = [0, 1].map(() => new Float32Array(runs * batch * perView));
  const prepared = workAhead(0, Math.ceil(count / group), async (i) => {
    const buffer = buffers[i % 2]!;
    const size = Math.min(group, count - i * group);
    const indices = Int32Array.from({ length: size }, (_, at) => i * group + at);
    await fill(indices, buffer.subarray(0, size * views * perView));
    return buffer;
  });
  try {
    for (let start = 0; start < count; start += group) {
      const size = Math.min(group, count - start);
      const rows = size * views;
      const buffer = await prepared.next();
      for (let first = 0; first < rows; first += batch) {
        const results = await run(buffer.subarray(first * perView, (first + batch) * perView));
        for (const name of names) {
          const width = outputs[name];
          const values = results[name] as Float32Array;
          for (let row = first; row < Math.min(rows, first + batch); row++) {
            const to = (start + Math.floor(row / views)) * width;
            const from = (row - first) * width;
            for (let i = 0; i < width; i++) out[name][to + i]! += values[from + i]!;
          }
        }
      }
      onBatch?.(size);
    }
  } finally {
    await prepared.settle();
  }
  if (views > 1) for (const name of names) for (let i = 0; i < out[name].length; i++) out[name][i]! /= views;
  return out;
}
