import { describe, expect, test } from "vitest";
import { averaged, farthest, predictScores, sample } from "../../../test/support/predict-scores.ts";
import { plugin as backdoor } from "../backdoor/index.ts";
import { plugin } from "./index.ts";

const logits = [sample.logits(0), sample.logits(1), sample.logits(2)];
const masses = [1 / 3, 1 / 3, 1 / 3];

describe.each(["logit", "probability"] as const)("in %s space", (space) => {
  const recipe = plugin.recipe({ space, tau: 1 });

  test("the mean over the runs", async () => {
    const scores = await predictScores(recipe, { logits, masses });
    expect(farthest(scores, averaged(space, logits, masses))).toBeLessThan(1e-12);
  });

  test("combines as backdoor does, to the bit, from the same base", async () => {
    const other = backdoor.recipe({ mode: "post-hoc", space, tau: 1 });
    expect(recipe).toMatchObject({ over: "seeds", base: { use: "la", tau: 1 } });
    expect(other).toMatchObject({ base: { use: "la", tau: 1 } });
    expect(await predictScores(recipe, { logits, masses })).toEqual(
      await predictScores(other, { logits, masses }),
    );
  });
});
