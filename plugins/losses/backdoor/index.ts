import { defineStrataLoss } from "../../../core/plugin-api/index.ts";
import { logMixture } from "../shared/mixture.ts";
import { SPACE_OPTION, type Space, spaces } from "../shared/spaces.ts";

interface BackdoorOptions {
  readonly mode: "post-hoc" | "joint";
  readonly space: Space;
  readonly tau: number;
  readonly weights?: readonly number[];
}

export const plugin = defineStrataLoss<BackdoorOptions>({
  name: "backdoor",
  summary:
    "Backdoor adjustment: marginalises over foundation models as strata, P(Y|do X) = Σ_c P(Y|X,c) P(c)",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      mode: {
        enum: ["post-hoc", "joint"],
        default: "post-hoc",
        description:
          "post-hoc: combine la runs, one per backbone, after training (what the paper's code runs); joint: train all backbones in one step on −log Σ_m w_m softmax(z_m + τ·log π)_y",
      },
      space: SPACE_OPTION,
      tau: {
        type: "number",
        default: 1,
        title: "τ",
        description: "Strength of the shift by the log class prior",
      },
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
  recipe: ({ mode, space, tau, weights }) => {
    const shared = { predict: spaces[space], ...(weights ? { strataWeights: weights } : {}) };
    if (mode === "post-hoc") return { mode, base: { use: "la", tau }, ...shared };
    return {
      mode,
      ...shared,
      build: (g, { logits, labels, classPrior, strataPrior }) => {
        const shift = g.mul(tau, g.log(classPrior));
        const mixture = logMixture(
          g,
          logits.map((z) => g.add(z, shift)),
          strataPrior,
        );
        return g.reduceMean(g.neg(g.pick(mixture, labels)));
      },
    };
  },
});
