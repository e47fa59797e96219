import { defineLoss } from "../../../core/plugin-api/index.ts";

export const plugin = defineLoss<{ tau: number }>({
  name: "la",
  summary: "Logit adjustment: cross-entropy on logits shifted by the log class prior (Menon et al., 2021)",
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
    },
    additionalProperties: false,
  },
  build: (g, { logits, labels, classPrior }, { tau }) =>
    g.crossEntropy(g.add(logits, g.mul(tau, g.log(classPrior))), labels),
});
