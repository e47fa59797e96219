import { expect, test } from "vitest";
import { plugin as glaOverBackbones } from "../../../plugins/losses/backdoor-gla/index.ts";
import { plugin as control } from "../../../plugins/losses/control/index.ts";
import { plugin as gla } from "../../../plugins/losses/gla/index.ts";
import { plugin as debiased } from "../../../plugins/losses/zero-shot-debiased/index.ts";
import type { LossRecipe } from "../../plugin-api/index.ts";
import type { Cell } from "../plan/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import { combineCell } from "./combine-cell.ts";
import type { ExecutionContext } from "./context.ts";

const [N, K] = [4, 3];
const matrix = (which: number) =>
  Float32Array.from({ length: N * K }, (_, i) => 3 * Math.sin(1.3 * i + 2.1 * which));
const priors = [
  [0.5, 0.3, 0.2],
  [0.1, 0.2, 0.7],
];
const classPrior = Float32Array.of(0.8, 0.15, 0.05);
const context = {
  classPrior,
  dataset: { classNames: ["a", "b", "c"] },
  compile: { threads: 1 },
} as unknown as ExecutionContext;

/** Backbones that count how often they are asked. */
function backbones() {
  const asked = { zeroShot: 0, prior: 0 };
  const made = priors.map((prior, m) => ({
    zeroShot: async (split: string) => {
      expect(split).toBe("test");
      asked.zeroShot++;
      return { logits: matrix(10 + m) };
    },
    prior: async () => {
      asked.prior++;
      return { prior: Float64Array.from(prior) };
    },
  })) as unknown as PreparedBackbone[];
  return { asked, made };
}

const cellOf = (recipe: LossRecipe, strata: number, runs: number) =>
  ({ recipe, backbones: Array(strata).fill({}), dependsOn: Array(runs).fill("run") }) as unknown as Cell;
const expectClose = (scores: Float32Array, expected: (i: number, k: number) => number) => {
  expect(scores).toHaveLength(N * K);
  for (const [i, score] of scores.entries()) expect(score).toBeCloseTo(expected(i, i % K), 5);
};

test("a cell without a base is made of its backbone's zero-shot logits and prior", async () => {
  const { made } = backbones();
  const scores = await combineCell(context, cellOf(debiased.recipe({}), 1, 0), [made[1]!], []);
  expectClose(scores, (i, k) => matrix(11)[i]! - Math.log(priors[1]![k]!));
});

test("a cell over one backbone is given the class prior when it asks for it", async () => {
  const { made } = backbones();
  const cell = cellOf(gla.recipe({ base: "ce" }), 1, 1);
  const scores = await combineCell(context, cell, [made[0]!], [matrix(0)]);
  expectClose(
    scores,
    (i, k) => matrix(0)[i]! - Math.log(classPrior[k]!) + matrix(10)[i]! - Math.log(priors[0]![k]!),
  );
});

test("a cell over backbones is given each one's own logits and prior", async () => {
  const { made } = backbones();
  const cell = cellOf(glaOverBackbones.recipe({ base: "la", space: "logit" }), 2, 2);
  const scores = await combineCell(context, cell, made, [matrix(0), matrix(1)]);
  expectClose(
    scores,
    (i, k) =>
      [0, 1].reduce((sum, m) => sum + matrix(m)[i]! + matrix(10 + m)[i]! - Math.log(priors[m]![k]!), 0) / 2,
  );
});

test("a cell over seeds combines all its runs and asks the frozen model for nothing", async () => {
  const { made, asked } = backbones();
  const runs = [matrix(0), matrix(1), matrix(2)];
  const cell = cellOf(control.recipe({ space: "logit", tau: 1 }), 1, 3);
  expectClose(await combineCell(context, cell, [made[0]!], runs), (i) =>
    runs.reduce((sum, own) => sum + own[i]! / 3, 0),
  );
  expect(asked).toEqual({ zeroShot: 0, prior: 0 });
});

test("over seeds, every run is given its backbone's zero-shot logits", async () => {
  const { made } = backbones();
  const recipe: LossRecipe = {
    mode: "post-hoc",
    over: "seeds",
    needs: ["zeroShot"],
    base: { use: "la" },
    predict: (g, logits, masses, inputs) =>
      logits
        .map((z, m) => g.mul(g.add(z, inputs!.zeroShot![m]!), masses[m]!))
        .reduce((sum, z) => g.add(sum, z)),
  };
  const scores = await combineCell(context, cellOf(recipe, 1, 2), [made[0]!], [matrix(0), matrix(1)]);
  expectClose(scores, (i) => (matrix(0)[i]! + matrix(1)[i]!) / 2 + matrix(10)[i]!);
});
