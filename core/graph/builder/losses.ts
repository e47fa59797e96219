import { ShapeError } from "../errors.ts";
import type { GraphCore } from "../graph-core.ts";
import type { Value } from "../value.ts";
import { elementwise } from "./elementwise.ts";
import { reduction } from "./reduction.ts";
import { shaping } from "./shape.ts";

/** What classification losses are written with. */
export function lossOps(core: GraphCore) {
  const g = { ...elementwise(core), ...reduction(core), ...shaping(core) };

  /** labels [B] → [B, K] with 1 at the label, in the graph's float type. */
  const oneHot = (labels: Value, classes: number): Value => {
    const rows = g.reshape(labels, [labels.shape[0] ?? 1, 1]);
    const columns = core.constant([...Array(classes).keys()], [1, classes], labels.dtype);
    return g.cast(g.equal(rows, columns), core.floatType);
  };

  /** x [B, K] at the labels [B] → [B]. */
  const pick = (x: Value, labels: Value): Value => {
    if (x.shape.length !== 2 || labels.shape.length !== 1 || labels.shape[0] !== x.shape[0]) {
      throw new ShapeError("pick", [x, labels], "needs [B, K] and [B]");
    }
    return g.reduceSum(g.mul(x, oneHot(labels, x.shape[1]!)), 1, { keepDims: false });
  };

  return {
    oneHot,
    pick,
    /** −log softmax(logits)_label per sample: logits [B, K], labels [B] → [B]. */
    negativeLogLikelihood: (logits: Value, labels: Value): Value =>
      g.neg(pick(g.logSoftmax(logits, 1), labels)),
    /** Mean cross-entropy over the batch, a scalar: logits [B, K], labels [B] int64. */
    crossEntropy: (logits: Value, labels: Value): Value =>
      g.reduceMean(g.neg(pick(g.logSoftmax(logits, 1), labels))),
  };
}
