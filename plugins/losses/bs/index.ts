import { defineLoss } from "../../../core/plugin-api/index.ts";

/** The same as `la` with τ = 1. (LIFT's trainer compares instead of assigns where it would choose this one.) */
export const plugin = defineLoss({
  name: "bs",
  summary:
    "Balanced softmax: class probabilities weighted by the class prior (Ren et al., 2020); `la` with τ = 1",
  shiftInvariant: true,
  options: { type: "object", properties: {}, additionalProperties: false },
  build: (g, { logits, labels, classPrior }) => g.crossEntropy(g.add(logits, g.log(classPrior)), labels),
});
