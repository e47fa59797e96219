import { defineLoss } from "../../../core/plugin-api/index.ts";
import { weightedCrossEntropy, withMeanOne } from "../shared/weighted.ts";

/** Weights π_S(y)^(−exponent), the same as n_y^(−exponent) once their mean is 1. */
export const plugin = defineLoss<{ exponent: number }>({
  name: "grw",
  summary:
    "Generalised re-weighting: cross-entropy weighted by a power of the class prior (Zhang et al., 2021)",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      exponent: {
        type: "number",
        default: 1,
        title: "Exponent",
        description: "A class weighs its prior to the power −exponent; 0 is cross-entropy",
      },
    },
    additionalProperties: false,
  },
  wholeBatch: true,
  build: (g, { logits, labels, classCounts }, { exponent }) =>
    weightedCrossEntropy(g, logits, labels, withMeanOne(classCounts.map((count) => count ** -exponent))),
});
