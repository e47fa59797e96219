import { defineLoss } from "dualtail/plugin-api";

/** What `options` below describes. */
interface Options {
  readonly tau: number;
}

// Cross-entropy on logits shifted by τ times the log of the class prior: replace the formula by your own.
// B is the batch, K the number of classes. All of LossInputs (hover over it): logits [B, K], labels [B],
// classPrior [K], classCounts [K], headScale, and pretrainPrior [K] when `needs: ["pretrainPrior"]` says so.
export const plugin = defineLoss<Options>({
  name: "my-loss",
  summary: "Cross-entropy on logits shifted by the log class prior",
  options: {
    type: "object",
    properties: {
      tau: {
        type: "number",
        minimum: 0,
        default: 1,
        title: "τ",
        description: "Strength of the shift by the log class prior; 0 is cross-entropy",
      },
    },
    additionalProperties: false,
  },
  // Verified by `dualtail check`; remove it when a number added to all logits of a sample changes your loss.
  shiftInvariant: true,
  build: (g, { logits, labels, classPrior }, { tau }) => {
    const shift = g.mul(tau, g.log(classPrior));
    return g.crossEntropy(g.add(logits, shift), labels);
  },
});
