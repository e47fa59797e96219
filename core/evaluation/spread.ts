import { DualtailError } from "../errors.ts";

/** Distances of features of length 1, squared. */
export interface ClassSpread {
  /** Mean over classes of the mean squared distance of a class's features from their mean. */
  readonly within: number;
  /** Mean squared distance of the class means from the mean of all class means. */
  readonly between: number;
}

/**
 * How far the features of a class lie apart, and the classes from each other. Features are scaled to length 1 first, as
 * a cosine classifier and KNN see them, so that both numbers lie in [0, 4] and compare between models. Every class that
 * has features weighs the same.
 *
 * @param features [N, width] row-major @param labels [N]
 * @throws DualtailError for shapes that do not fit
 */
export function classSpread(
  features: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
  width: number,
): ClassSpread {
  if (features.length !== labels.length * width) {
    throw new DualtailError(
      `class spread: ${features.length} numbers are no ${labels.length} features of width ${width}`,
    );
  }
  const sums = new Float64Array(classes * width);
  const counts = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) {
    const row = features.subarray(i * width, (i + 1) * width);
    const norm = Math.hypot(...row) || 1;
    const at = labels[i]! * width;
    for (let d = 0; d < width; d++) sums[at + d]! += row[d]! / norm;
    counts[labels[i]!]!++;
  }
  const present = Array.from(counts.keys()).filter((k) => counts[k]! > 0);
  const means = present.map((k) =>
    sums.subarray(k * width, (k + 1) * width).map((value) => value / counts[k]!),
  );
  const centre = new Float64Array(width);
  for (const mean of means) for (let d = 0; d < width; d++) centre[d]! += mean[d]! / means.length;
  const squared = (a: Float64Array) => a.reduce((sum, value) => sum + value * value, 0);
  // Unit vectors: the mean squared distance from their mean is 1 − ‖mean‖².
  const within = average(means.map((mean) => Math.max(0, 1 - squared(mean))));
  const between = average(means.map((mean) => squared(mean.map((value, d) => value - centre[d]!))));
  return { within, between };
}

const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
