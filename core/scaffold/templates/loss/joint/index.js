// @ts-check
import { defineStrataLoss } from "dualtail/plugin-api";

/** @typedef {{ tau: number }} Options What `options` below describes. */
/** @typedef {import("dualtail/plugin-api").Graph} Graph */
/** @typedef {import("dualtail/plugin-api").Value} Value */

/**
 * log Σ_m w_m softmax(z_m), [B, K]
 *
 * @param {Graph} g
 * @param {readonly Value[]} logits M × [B, K], one per backbone
 * @param {readonly number[]} masses [M], summing to 1
 */
function logMixture(g, logits, masses) {
  const [batch = 0, classes = 0] = logits[0]?.shape ?? [];
  const parts = logits.map((z, m) =>
    g.reshape(g.add(g.logSoftmax(z, 1), Math.log(masses[m] ?? 0)), [1, batch, classes]),
  );
  return g.reduceLogSumExp(g.concat(parts, 0), 0, { keepDims: false });
}

// All backbones trained in one step, on the mixture of their adjusted probabilities: replace the formula by your own.
export const plugin = defineStrataLoss({
  name: "my-loss",
  summary: "All backbones trained together on the mixture of their probabilities",
  options: {
    type: "object",
    properties: {
      tau: {
        type: "number",
        minimum: 0,
        default: 1,
        title: "τ",
        description: "Strength of the shift by the log class prior",
      },
    },
    additionalProperties: false,
  },
  // Verified by `dualtail check`; remove it when a number added to all logits of a sample changes your loss.
  shiftInvariant: true,
  recipe: (/** @type {Options} */ { tau }) => ({
    mode: "joint",
    build: (g, { logits, labels, classPrior, strataPrior }) => {
      const shift = g.mul(tau, g.log(classPrior));
      const shifted = logits.map((z) => g.add(z, shift));
      return g.reduceMean(g.neg(g.pick(logMixture(g, shifted, strataPrior), labels)));
    },
    predict: logMixture,
  }),
});
