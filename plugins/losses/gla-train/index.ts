import { defineLoss } from "../../../core/plugin-api/index.ts";

export const plugin = defineLoss<{ tau: number; lambda: number }>({
  name: "gla-train",
  summary:
    "Generalised logit adjustment in training: also shifts by the log of the estimated pre-training prior",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      tau: {
        type: "number",
        default: 1,
        title: "τ",
        description: "Strength of the shift by the log class prior",
      },
      lambda: {
        type: "number",
        default: 1,
        title: "λ",
        description: "Strength of the shift by the log of the estimated pre-training prior",
      },
    },
    additionalProperties: false,
  },
  needs: ["pretrainPrior"],
  build: (g, { logits, labels, classPrior, pretrainPrior }, { tau, lambda }) => {
    const downstream = g.mul(tau, g.log(classPrior));
    const pretraining = g.mul(lambda, g.log(pretrainPrior!));
    return g.crossEntropy(g.add(g.add(logits, downstream), pretraining), labels);
  },
});
