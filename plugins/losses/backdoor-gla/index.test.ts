import { describe, expect, test } from "vitest";
import { averaged, farthest, predictScores, sample } from "../../../test/support/predict-scores.ts";
import { plugin } from "./index.ts";

const strata = [0, 1, 2];
const logits = strata.map(sample.logits);
const zeroShot = strata.map((m) => sample.logits(m + 5));
const pretrainPrior = strata.map(sample.prior);
const classPrior = [0.7, 0.2, 0.07, 0.03];
const masses = [0.5, 0.3, 0.2];

describe.each(["logit", "probability"] as const)("in %s space", (space) => {
  test.each(["la", "ce"] as const)(
    "the mean over the backbones of their GLA scores, over %s",
    async (base) => {
      const recipe = plugin.recipe({ space, base });
      const scores = await predictScores(recipe, { logits, masses, zeroShot, pretrainPrior, classPrior });
      const gla = logits.map((z, m) =>
        z.map((row, i) =>
          row.map(
            (value, k) =>
              value -
              (base === "ce" ? Math.log(classPrior[k]!) : 0) +
              zeroShot[m]![i]![k]! -
              Math.log(pretrainPrior[m]![k]!),
          ),
        ),
      );
      expect(farthest(scores, averaged(space, gla, masses))).toBeLessThan(1e-12);
    },
  );
});
