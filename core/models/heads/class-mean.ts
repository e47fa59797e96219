import { pythonShuffle } from "./python-random.ts";

/** Frozen features of labelled images. */
export interface LabelledFeatures {
  /** [N × width], before the projection and not normalised. */
  readonly features: Float32Array;
  /** [N] in [0, classes) */
  readonly labels: Int32Array;
  readonly classes: number;
  readonly width: number;
}

/**
 * Rows of a head, [classes × width]: the mean feature of each class, scaled to length 1 (LIFT, init_head_class_mean:
 * features are averaged as they are).
 * @param indices the images to use; all when absent
 */
export function classMeans(
  { features, labels, classes, width }: LabelledFeatures,
  indices?: readonly number[],
): Float32Array {
  const sums = new Float64Array(classes * width);
  const add = (i: number) => {
    const row = labels[i]! * width;
    for (let d = 0; d < width; d++) sums[row + d]! += features[i * width + d]!;
  };
  if (indices) for (const i of indices) add(i);
  else for (let i = 0; i < labels.length; i++) add(i);
  return unitRowsOf(sums, width);
}

/** Every row scaled to length 1; a row of zeros stays one. */
export function unitRowsOf(rows: ArrayLike<number>, width: number): Float32Array {
  const out = Float32Array.from(rows);
  for (let start = 0; start < out.length; start += width) {
    let squares = 0;
    for (let d = start; d < start + width; d++) squares += rows[d]! ** 2;
    const norm = Math.sqrt(squares) || 1;
    for (let d = start; d < start + width; d++) out[d] = rows[d]! / norm;
  }
  return out;
}

/**
 * At most `shots` images of each class, class by class. Drawn as LIFT's DownSampler draws after Python's
 * `random.seed(seed)`: images in the same order give the same choice.
 */
export function drawShots(labels: Int32Array, classes: number, shots: number, seed: number): number[] {
  const perClass = Array.from({ length: classes }, (): number[] => []);
  for (const [i, label] of labels.entries()) perClass[label]!.push(i);
  const shuffle = pythonShuffle(seed);
  return perClass.flatMap((indices) => {
    shuffle(indices);
    return indices.slice(0, shots);
  });
}
