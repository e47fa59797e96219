import type { DrawBelow } from "./random.ts";

/** Test images in the order of their classes. */
export interface Strata {
  /** [N] indices of images, those of class 0 first. */
  readonly order: Int32Array;
  /** [K + 1] class k lies at order[start[k]] … order[start[k + 1] − 1]. */
  readonly start: Int32Array;
}

/** @param labels [N], in [0, classes) */
export function strataOf(labels: ArrayLike<number>, classes: number): Strata {
  const start = new Int32Array(classes + 1);
  for (let i = 0; i < labels.length; i++) start[labels[i]! + 1]!++;
  for (let k = 0; k < classes; k++) start[k + 1]! += start[k]!;
  const next = start.slice();
  const order = new Int32Array(labels.length);
  for (let i = 0; i < labels.length; i++) order[next[labels[i]!]!++] = i;
  return { order, start };
}

/**
 * Draws per stratum of n: n − 1 rather than n, so that the variance of a resampled mean is the unbiased s²/n instead of
 * s²(n − 1)/n² (Rao & Wu, 1988). It matters here: strata are classes of some ten images. A single image is drawn once and
 * contributes no variance.
 */
export const drawsOf = (n: number): number => Math.max(1, n - 1);

/** [resamples, N] how often each image, in the order of the strata, was drawn. */
export function drawImages({ start, order }: Strata, resamples: number, draw: DrawBelow): Uint16Array {
  const N = order.length;
  const counts = new Uint16Array(resamples * N);
  for (let b = 0; b < resamples; b++) {
    for (let k = 0; k + 1 < start.length; k++) {
      const n = start[k + 1]! - start[k]!;
      const at = b * N + start[k]!;
      if (n > 0) for (let i = drawsOf(n); i > 0; i--) counts[at + draw(n)]!++;
    }
  }
  return counts;
}

/**
 * [resamples, n] weight of each of n > 1 seeds, summing to 1 in each resample: 1/n and a centred normal multiplier of the
 * variance that n − 1 draws have. Draws of two or three seeds take a handful of values, and their percentiles are too narrow.
 */
export function drawSeeds(n: number, resamples: number, draw: DrawBelow): Float64Array {
  const weights = new Float64Array(resamples * n);
  const normals = new Float64Array(n);
  const uniform = () => (draw(2 ** 31) + 0.5) / 2 ** 31;
  for (let b = 0; b < resamples; b++) {
    let mean = 0;
    for (let s = 0; s < n; s++) {
      normals[s] = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
      mean += normals[s]! / n;
    }
    for (let s = 0; s < n; s++) weights[b * n + s] = 1 / n + (normals[s]! - mean) / Math.sqrt(n * (n - 1));
  }
  return weights;
}
