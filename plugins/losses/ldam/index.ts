import { defineLoss } from "../../../core/plugin-api/index.ts";

/**
 * CE(z − s·m_y·onehot(y), y), m_y ∝ n_y^(−1/4), largest m = maxMargin. The paper subtracts margins from cosines and
 * then scales by s; here the logits come scaled, so the margin alone is multiplied by the head's scale. LIFT takes
 * `scale` of its configuration (25) with every head, also those that do not scale their logits (utils/losses.py,
 * trainer.py); so does this.
 */
export const plugin = defineLoss<{ maxMargin: number }>({
  name: "ldam",
  summary: "Label-distribution-aware margins: rarer classes must win by more (Cao et al., 2019)",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      maxMargin: {
        type: "number",
        minimum: 0,
        default: 0.5,
        title: "Largest margin",
        description: "Margin of the rarest class, on the cosine; multiplied by `head.scale` on the logit",
      },
    },
    additionalProperties: false,
  },
  build: (g, { logits, labels, classCounts, headScale }, { maxMargin }) => {
    const raw = classCounts.map((count) => count ** -0.25);
    const factor = (maxMargin * headScale) / Math.max(...raw);
    const margins = g.constant(
      raw.map((margin) => margin * factor),
      [1, raw.length],
    );
    const shifted = g.sub(logits, g.mul(margins, g.oneHot(labels, raw.length)));
    return g.crossEntropy(shifted, labels);
  },
});
