import { imageTokens } from "../models/towers/index.ts";
import type { Device } from "../runtime/index.ts";
import type { Member } from "./finetune.ts";

/**
 * Most bytes of one MLP's hidden layer: about what a core's share of the last-level cache holds, so that the many
 * element-by-element passes over it do not go to memory. `npm run bench` with --batch 1, 2, 4, 8, … shows the optimum.
 */
const HIDDEN_BYTES = 10 * 2 ** 20;

/** Above this many trainable parameters, adding up the gradients of micro-batches would cost more than the cache gives. */
const MOST_PARAMETERS = 10e6;

export interface MicroBatchOptions {
  readonly device?: Device;
  /** Where activations are recomputed memory is what counts: half as many images at once cost a few per cent of time. */
  readonly recompute?: boolean;
}

/** The largest divisor of the batch size whose hidden layers fit; images are then computed some per cent faster. */
export function cachedMicroBatch(
  batchSize: number,
  shapes: readonly Member["shape"][],
  { recompute = false }: MicroBatchOptions = {},
): number {
  const perImage = Math.max(...shapes.map((shape) => imageTokens(shape) * shape.mlpWidth * 4));
  const most = recompute ? HIDDEN_BYTES / 2 : HIDDEN_BYTES;
  for (let size = batchSize; size > 1; size--) {
    if (batchSize % size === 0 && size * perImage <= most) return size;
  }
  return 1;
}

/** How many images to compute at once when the user leaves it open: on a GPU, and for full fine-tuning, all of them. */
export function automaticMicroBatch(
  batchSize: number,
  members: readonly Member[],
  trainable: number,
  options: MicroBatchOptions = {},
): number {
  const { device = "cpu" } = options;
  if (device !== "cpu" || trainable > MOST_PARAMETERS) return batchSize;
  return cachedMicroBatch(
    batchSize,
    members.map(({ shape }) => shape),
    options,
  );
}
