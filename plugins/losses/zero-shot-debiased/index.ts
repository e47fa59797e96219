import { defineStrataLoss } from "../../../core/plugin-api/index.ts";
import { DEBIASED_NEEDS, debiasedZeroShot } from "../shared/gla.ts";

export const plugin = defineStrataLoss<Record<string, never>>({
  name: "zero-shot-debiased",
  summary:
    "The frozen model without the prior of its pre-training (GLA-ZS, Zhu et al., 2023): z^zs − log P̂_P; trains nothing",
  options: { type: "object", properties: {}, additionalProperties: false },
  recipe: () => ({
    mode: "post-hoc",
    over: "one",
    needs: DEBIASED_NEEDS,
    predict: (g, _logits, _masses, inputs) => debiasedZeroShot(g, inputs!, 0),
  }),
});
