import { expect, test } from "vitest";
import { farthest, predictScores, sample } from "../../../test/support/predict-scores.ts";
import { plugin } from "./index.ts";

const [ft, zs] = [sample.logits(0), sample.logits(1)];
const [pretrain, classPrior] = [sample.prior(0), [0.7, 0.2, 0.07, 0.03]];

test.each([
  ["la", { use: "la", tau: 1 }, 0],
  ["ce", { use: "ce" }, 1],
] as const)("GLA over %s takes the class prior out once", async (name, base, strength) => {
  const recipe = plugin.recipe({ base: name });
  expect(recipe).toMatchObject({ base, over: "one" });
  const scores = await predictScores(recipe, {
    logits: [ft],
    masses: [1],
    zeroShot: [zs],
    pretrainPrior: [pretrain],
    classPrior,
  });
  const expected = ft.map((row, i) =>
    row.map((z, k) => z - strength * Math.log(classPrior[k]!) + zs[i]![k]! - Math.log(pretrain[k]!)),
  );
  expect(farthest(scores, expected)).toBeLessThan(1e-12);
});
