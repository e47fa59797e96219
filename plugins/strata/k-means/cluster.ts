import { DualtailError } from "../../../core/plugin-api/index.ts";

export interface Points {
  /** [count × width] */
  readonly features: Float32Array;
  readonly count: number;
  readonly width: number;
  readonly seed: number;
}

export interface Clusters {
  /** [clusters × width] */
  readonly centroids: Float32Array;
  /** [clusters] share of all points that are nearest to each centroid, summing to 1. */
  readonly masses: Float32Array;
}

/**
 * k-means (k-means++ starts, Euclidean distance) on at most `samples` of the points.
 * @throws DualtailError when there are fewer distinct points than clusters
 */
export async function cluster(
  points: Points,
  { clusters, iterations, samples }: { clusters: number; iterations: number; samples: number },
): Promise<Clusters> {
  const { features, count, width, seed } = points;
  const row = (i: number) => features.subarray(i * width, (i + 1) * width);
  const fitted = Math.min(count, samples);
  const data = Array.from({ length: fitted }, (_, i) => [...row(Math.floor((i * count) / fitted))]);
  const distinct = new Set<string>();
  for (const point of data) if (distinct.size < clusters) distinct.add(point.join());
  if (distinct.size < clusters) {
    throw new DualtailError(
      `k-means: ${clusters} clusters of ${fitted} images with ${distinct.size} different features`,
      { hint: "choose fewer clusters (strata.clusters)" },
    );
  }
  // Loaded when it is needed: it takes longer than all other plugins together.
  const { kmeans } = await import("ml-kmeans");
  const found = kmeans(data, clusters, { seed, maxIterations: iterations, initialization: "kmeans++" });
  const centroids = Float32Array.from(found.centroids.flat());
  const counts = new Float64Array(clusters);
  for (let i = 0; i < count; i++) counts[nearest(row(i), centroids)]!++;
  return { centroids, masses: Float32Array.from(counts, (own) => own / count) };
}

function nearest(point: Float32Array, centroids: Float32Array): number {
  const width = point.length;
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let k = 0; k * width < centroids.length; k++) {
    let distance = 0;
    for (let d = 0; d < width; d++) distance += (point[d]! - centroids[k * width + d]!) ** 2;
    if (distance < least) [best, least] = [k, distance];
  }
  return best;
}
