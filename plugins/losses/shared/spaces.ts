import type { Graph, StrataPredict, Value } from "../../../core/plugin-api/index.ts";
import { logMixture } from "./mixture.ts";

/** Where strata are averaged: their logits, or their probabilities. */
export type Space = "logit" | "probability";

/** Σ_m w_m z_m, what the paper's reference code averages. */
function logitMean(g: Graph, logits: readonly Value[], masses: readonly number[]): Value {
  return logits.map((z, m) => g.mul(z, masses[m]!)).reduce((sum, z) => g.add(sum, z));
}

/** Scores [B, K] from strata's logits [B, K] and masses; the same for the backdoor adjustment and its control. */
export const spaces: Readonly<Record<Space, StrataPredict>> = {
  logit: logitMean,
  probability: logMixture,
};

export const SPACE_OPTION = {
  enum: ["logit", "probability"],
  default: "probability",
  description:
    "How strata are combined at prediction: probability is the backdoor formula itself, logit is what the paper's code averages",
} as const;
