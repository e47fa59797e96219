import type { Graph, PostHocInputs, PostHocNeed, Value } from "../../../core/plugin-api/index.ts";

/** The loss that the fine-tuned model of GLA was trained with. */
export type GlaBase = "la" | "ce";

export const BASE_OPTION = {
  enum: ["la", "ce"],
  default: "la",
  description:
    "Loss of the fine-tuned model: la has taken the class prior out in training; from ce it is taken out here, − log π",
} as const;

/** `la` leaves the class prior out of its logits only with τ = 1. */
export const baseRecipe = (base: GlaBase) => (base === "la" ? { use: base, tau: 1 } : { use: base });

/** What de-biasing the zero-shot logits takes. */
export const DEBIASED_NEEDS: readonly PostHocNeed[] = ["zeroShot", "pretrainPrior"];

export const glaNeeds = (base: GlaBase): readonly PostHocNeed[] =>
  base === "ce" ? [...DEBIASED_NEEDS, "classPrior"] : DEBIASED_NEEDS;

/** GLA-ZS of stratum m: z^zs − log P̂_P, [B, K]. */
export const debiasedZeroShot = (g: Graph, { zeroShot, pretrainPrior }: PostHocInputs, m: number): Value =>
  g.sub(zeroShot![m]!, g.log(pretrainPrior![m]!));

/** GLA-ZS + GLA-FT of stratum m: z^ft − [log π, when not adjusted in training] + z^zs − log P̂_P, [B, K]. */
export function glaScores(g: Graph, fineTuned: Value, inputs: PostHocInputs, m: number): Value {
  const { classPrior } = inputs;
  const own = classPrior ? g.sub(fineTuned, g.log(classPrior)) : fineTuned;
  return g.add(own, debiasedZeroShot(g, inputs, m));
}
