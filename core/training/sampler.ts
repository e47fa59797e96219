import { permutation, uniformFrom } from "./random.ts";

/** The order in which an epoch visits the samples, cut into batches. */
export interface EpochOrder {
  readonly epoch: number;
  /** Sample indices of batch number `index`; every batch is full. */
  batch(index: number): Int32Array;
}

/** Batches in an epoch. */
export const epochBatches = (samples: number, batchSize: number): number => Math.ceil(samples / batchSize);

/**
 * A seeded permutation per epoch. The last batch is completed with the epoch's first samples, so that every sample is
 * seen (a tail class may have a single one) and every batch has the size the graph was built for.
 */
export function epochOrder(samples: number, batchSize: number, seed: number, epoch: number): EpochOrder {
  const order = permutation(samples, uniformFrom(seed, "order", epoch));
  return {
    epoch,
    batch: (index) =>
      Int32Array.from({ length: batchSize }, (_, i) => order[(index * batchSize + i) % samples]!),
  };
}
