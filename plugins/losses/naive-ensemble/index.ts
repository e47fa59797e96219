import { defineStrataLoss } from "../../../core/plugin-api/index.ts";

export const plugin = defineStrataLoss<{ tau: number }>({
  name: "naive-ensemble",
  summary: "Fine-tuned and zero-shot logits of one backbone added up, without any correction: z^ft + z^zs",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      tau: {
        type: "number",
        default: 1,
        title: "τ",
        description: "Strength of the shift by the log class prior in the la run that is combined",
      },
    },
    additionalProperties: false,
  },
  recipe: ({ tau }) => ({
    mode: "post-hoc",
    base: { use: "la", tau },
    over: "one",
    needs: ["zeroShot"],
    predict: (g, logits, _masses, inputs) => g.add(logits[0]!, inputs!.zeroShot![0]!),
  }),
});
