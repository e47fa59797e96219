import { defineLoss } from "../../../core/plugin-api/index.ts";

/** Keeps the gradient of (1 − p)^γ finite where p rounds to 1, for γ < 1 too; changes no value that can be told apart. */
const FLOOR = 1e-30;

/** (1 − p_y)^γ · CE, without the α of the paper, as LIFT has it. */
export const plugin = defineLoss<{ gamma: number }>({
  name: "focal",
  summary: "Focal loss: cross-entropy times (1 − p)^γ, so that easy samples count less (Lin et al., 2017)",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      gamma: {
        type: "number",
        minimum: 0,
        default: 2,
        title: "γ",
        description: "How strongly easy samples are played down; 0 is cross-entropy",
      },
    },
    additionalProperties: false,
  },
  build: (g, { logits, labels }, { gamma }) => {
    const nll = g.negativeLogLikelihood(logits, labels);
    const missing = g.max(g.sub(1, g.exp(g.neg(nll))), FLOOR);
    return g.reduceMean(g.mul(g.pow(missing, gamma), nll));
  },
});
