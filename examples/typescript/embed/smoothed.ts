// Takes the place of the built-in cross-entropy: with label smoothing (Szegedy et al., 2016, section 7).
import { defineLoss } from "dualtail/plugin-api";

export const smoothed = defineLoss<{ readonly smoothing: number }>({
  name: "ce",
  summary: "Cross-entropy with label smoothing",
  options: {
    type: "object",
    properties: {
      smoothing: { type: "number", minimum: 0, exclusiveMaximum: 1, default: 0.1, title: "ε" },
    },
    additionalProperties: false,
  },
  shiftInvariant: true,
  build(g, { logits, labels }, { smoothing }) {
    const uniform = g.neg(g.reduceMean(g.logSoftmax(logits, 1)));
    return g.add(g.mul(1 - smoothing, g.crossEntropy(logits, labels)), g.mul(smoothing, uniform));
  },
});
