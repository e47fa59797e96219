import { defineStrataLoss } from "../../../core/plugin-api/index.ts";
import { BASE_OPTION, baseRecipe, type GlaBase, glaNeeds, glaScores } from "../shared/gla.ts";
import { SPACE_OPTION, type Space, spaces } from "../shared/spaces.ts";

interface BackdoorGlaOptions {
  readonly space: Space;
  readonly base: GlaBase;
  readonly weights?: readonly number[];
}

export const plugin = defineStrataLoss<BackdoorGlaOptions>({
  name: "backdoor-gla",
  summary:
    "Backdoor adjustment over the GLA scores of every backbone: Σ_c P(c) P(Y|X,c) with z_c = z^ft + z^zs − log P̂_P",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      space: SPACE_OPTION,
      base: BASE_OPTION,
      weights: {
        type: "array",
        items: { type: "number", exclusiveMinimum: 0 },
        minItems: 1,
        description:
          "Mass P(c) per backbone in the order of `backbones`, normalised to sum 1; uniform when absent",
      },
    },
    additionalProperties: false,
  },
  recipe: ({ space, base, weights }) => ({
    mode: "post-hoc",
    base: baseRecipe(base),
    needs: glaNeeds(base),
    ...(weights ? { strataWeights: weights } : {}),
    predict: (g, logits, masses, inputs) =>
      spaces[space](
        g,
        logits.map((z, m) => glaScores(g, z, inputs!, m)),
        masses,
      ),
  }),
});
