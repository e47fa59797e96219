// @ts-check
import { defineStrataLoss } from "dualtail/plugin-api";

/** @typedef {{ tau: number }} Options What `options` below describes. */

// Trains nothing of its own: combines the test logits of finished cross-entropy runs, one per backbone.
// Replace the formula by your own; `needs` can also name "zeroShot" and "pretrainPrior".
export const plugin = defineStrataLoss({
  name: "my-loss",
  summary: "Mean logits of cross-entropy runs, one per backbone, without the log class prior",
  options: {
    type: "object",
    properties: {
      tau: {
        type: "number",
        minimum: 0,
        default: 1,
        title: "τ",
        description: "Strength with which the log class prior is taken out",
      },
    },
    additionalProperties: false,
  },
  recipe: (/** @type {Options} */ { tau }) => ({
    mode: "post-hoc",
    base: { use: "ce" },
    needs: ["classPrior"],
    predict: (g, logits, masses, inputs) => {
      const mean = logits.map((z, m) => g.mul(z, masses[m] ?? 0)).reduce((sum, z) => g.add(sum, z));
      return inputs?.classPrior ? g.sub(mean, g.mul(tau, g.log(inputs.classPrior))) : mean;
    },
  }),
});
