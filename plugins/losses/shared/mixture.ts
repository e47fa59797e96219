import type { Graph, Value } from "../../../core/plugin-api/index.ts";

/** log Σ_m w_m softmax(z_m), each z_m [B, K] → [B, K]; stable for any logits. */
export function logMixture(g: Graph, logits: readonly Value[], masses: readonly number[]): Value {
  const [batch, classes] = logits[0]!.shape as [number, number];
  const parts = logits.map((z, m) =>
    g.reshape(g.add(g.logSoftmax(z, 1), Math.log(masses[m]!)), [1, batch, classes]),
  );
  return parts.length === 1
    ? g.reshape(parts[0]!, [batch, classes])
    : g.reduceLogSumExp(g.concat(parts, 0), 0, { keepDims: false });
}
