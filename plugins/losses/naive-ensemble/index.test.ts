import { expect, test } from "vitest";
import { farthest, predictScores, sample } from "../../../test/support/predict-scores.ts";
import { plugin } from "./index.ts";

test("the sum of fine-tuned and zero-shot logits", async () => {
  const recipe = plugin.recipe({ tau: 1.5 });
  expect(recipe).toMatchObject({ base: { use: "la", tau: 1.5 }, over: "one" });
  const [ft, zs] = [sample.logits(0), sample.logits(1)];
  const scores = await predictScores(recipe, { logits: [ft], masses: [1], zeroShot: [zs] });
  const expected = ft.map((row, i) => row.map((z, k) => z + zs[i]![k]!));
  expect(farthest(scores, expected)).toBeLessThan(1e-12);
});
