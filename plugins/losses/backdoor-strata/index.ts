import { defineStrataLoss } from "../../../core/plugin-api/index.ts";
import { logMixture } from "../shared/mixture.ts";

interface BackdoorStrataOptions {
  readonly strata: { readonly use: string; readonly [option: string]: unknown };
  readonly tau: number;
}

export const plugin = defineStrataLoss<BackdoorStrataOptions>({
  name: "backdoor-strata",
  summary:
    "Backdoor adjustment with strata inside one backbone (Yue et al., 2020): −log Σ_c P(c) softmax(z_c + τ·log π)_y",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      strata: {
        anyOf: [
          { type: "string", minLength: 1 },
          { type: "object", required: ["use"], properties: { use: { type: "string", minLength: 1 } } },
        ],
        default: "k-means",
        description:
          "Where the strata come from: a source of strata, or its name under `use` with its options",
      },
      tau: {
        type: "number",
        default: 1,
        title: "τ",
        description: "Strength of the shift by the log class prior, in every stratum",
      },
    },
    additionalProperties: false,
  },
  chooses: { strata: "strata" },
  recipe: ({ strata: { use, ...options }, tau }) => ({
    mode: "single",
    needs: [],
    strata: { use, options, predict: logMixture },
    build: (g, { strata, labels, classPrior }) => {
      if (strata === undefined) throw new TypeError("backdoor-strata is built on a model without strata");
      const shift = g.mul(tau, g.log(classPrior));
      const mixture = logMixture(
        g,
        strata.map(({ logits }) => g.add(logits, shift)),
        strata.map(({ mass }) => mass),
      );
      return g.reduceMean(g.neg(g.pick(mixture, labels)));
    },
  }),
});
