import { expect, test } from "vitest";
import { farthest, predictScores, sample } from "../../../test/support/predict-scores.ts";
import { plugin } from "./index.ts";

test("the zero-shot logits without the log of the pre-training prior, and nothing trained", async () => {
  const recipe = plugin.recipe({});
  expect(recipe).not.toHaveProperty("base");
  const [zs, prior] = [sample.logits(0), sample.prior(0)];
  const scores = await predictScores(recipe, { masses: [1], zeroShot: [zs], pretrainPrior: [prior] });
  const expected = zs.map((row) => row.map((z, k) => z - Math.log(prior[k]!)));
  expect(farthest(scores, expected)).toBeLessThan(1e-12);
});
