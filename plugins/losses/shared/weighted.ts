import type { Graph, Value } from "../../../core/plugin-api/index.ts";

/**
 * Cross-entropy with a weight per class, averaged as PyTorch does: divided by the sum of the batch's weights, not by
 * its size. logits [B, K], labels [B] → scalar.
 */
export function weightedCrossEntropy(
  g: Graph,
  logits: Value,
  labels: Value,
  weights: readonly number[],
): Value {
  const own = g.gather(g.constant(weights, [weights.length]), labels);
  return g.div(g.reduceSum(g.mul(own, g.negativeLogLikelihood(logits, labels))), g.reduceSum(own));
}

/** Weights scaled so that their mean over the classes is 1. */
export function withMeanOne(weights: readonly number[]): number[] {
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return weights.map((weight) => weight / mean);
}
