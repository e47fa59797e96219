import { defineStrataLoss } from "../../../core/plugin-api/index.ts";
import { BASE_OPTION, baseRecipe, type GlaBase, glaNeeds, glaScores } from "../shared/gla.ts";

export const plugin = defineStrataLoss<{ base: GlaBase }>({
  name: "gla",
  summary:
    "Generalised logit adjustment at inference (Zhu et al., 2023), GLA-ZS + GLA-FT of one backbone: z^ft + z^zs − log P̂_P",
  shiftInvariant: true,
  options: { type: "object", properties: { base: BASE_OPTION }, additionalProperties: false },
  recipe: ({ base }) => ({
    mode: "post-hoc",
    base: baseRecipe(base),
    over: "one",
    needs: glaNeeds(base),
    predict: (g, logits, _masses, inputs) => glaScores(g, logits[0]!, inputs!, 0),
  }),
});
