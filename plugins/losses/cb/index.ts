import { defineLoss } from "../../../core/plugin-api/index.ts";
import { weightedCrossEntropy, withMeanOne } from "../shared/weighted.ts";

/**
 * Weights (1 − β) / (1 − β^n), here in double: LIFT works them out in float32, where 1 − 0.9999^n of small n keeps
 * three to four digits.
 */
export const plugin = defineLoss<{ beta: number }>({
  name: "cb",
  summary:
    "Class-balanced loss: cross-entropy weighted by the effective number of samples (Cui et al., 2019)",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      beta: {
        type: "number",
        minimum: 0,
        exclusiveMaximum: 1,
        default: 0.9999,
        title: "β",
        description: "0 is cross-entropy; towards 1, classes weigh as the inverse of their counts",
      },
    },
    additionalProperties: false,
  },
  wholeBatch: true,
  build: (g, { logits, labels, classCounts }, { beta }) =>
    weightedCrossEntropy(
      g,
      logits,
      labels,
      withMeanOne(classCounts.map((count) => (1 - beta) / (1 - beta ** count))),
    ),
});
