import { defineLoss } from "../../../core/plugin-api/index.ts";

export const plugin = defineLoss({
  name: "ce",
  summary: "Cross-entropy, without any correction for imbalance",
  shiftInvariant: true,
  options: { type: "object", properties: {}, additionalProperties: false },
  build: (g, { logits, labels }) => g.crossEntropy(logits, labels),
});
