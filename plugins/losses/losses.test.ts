import { describe, expect, it } from "vitest";
import { differentiate } from "../../core/autodiff/index.ts";
import { createGraph, type Graph, type Value } from "../../core/graph/index.ts";
import type { LossRecipe } from "../../core/plugin-api/index.ts";
import { compile } from "../../core/runtime/index.ts";
import { plugin as backdoor } from "./backdoor/index.ts";
import { plugin as bs } from "./bs/index.ts";
import { plugin as cb } from "./cb/index.ts";
import { plugin as ce } from "./ce/index.ts";
import { plugin as focal } from "./focal/index.ts";
import { plugin as glaTrain } from "./gla-train/index.ts";
import { plugin as grw } from "./grw/index.ts";
import { plugin as la } from "./la/index.ts";
import { plugin as lade } from "./lade/index.ts";
import { plugin as ldam } from "./ldam/index.ts";

const [B, K] = [5, 4];
const labels = [0, 3, 1, 1, 2];
const prior = [0.5, 0.3, 0.15, 0.05];
const classCounts = [10, 6, 3, 1];
const pretrain = [0.1, 0.2, 0.3, 0.4];
const logitsOf = (m: number) =>
  Float64Array.from({ length: B * K }, (_, i) => 4 * Math.sin(2.3 * i + 1.7 * m));

/** softmax(z + shift) of every row, in double precision and by the textbook. */
const softmax = (z: Float64Array, shift: readonly number[]) =>
  labels.map((_, b) => {
    const row = shift.map((s, k) => Math.exp(z[b * K + k]! + s));
    const total = row.reduce((a, c) => a + c, 0);
    return row.map((v) => v / total);
  });
const meanNll = (p: readonly (readonly number[])[]) =>
  labels.reduce((sum, y, b) => sum - Math.log(p[b]![y]!), 0) / B;
const zero = prior.map(() => 0);
const logPrior = prior.map(Math.log);

/** Value and gradients of a recipe, in float64 unless asked for otherwise. */
async function run(
  recipe: LossRecipe,
  zs: readonly Float64Array[],
  floatType: "float32" | "float64" = "float64",
) {
  const g = createGraph({ floatType });
  const logits = zs.map((_, m) => g.input(`z${m}`, floatType, [B, K]));
  const loss = buildLoss(g, recipe, logits);
  const gradients = differentiate(g, loss, logits);
  const program = await compile(
    g,
    { loss, ...Object.fromEntries(gradients.map((d, m) => [`d${m}`, d])) },
    { optimize: "none", threads: 1 },
  );
  const feed = (z: Float64Array) => (floatType === "float64" ? z : Float32Array.from(z));
  const out = await program.run(Object.fromEntries(zs.map((z, m) => [`z${m}`, feed(z)])));
  await program.release();
  return { loss: (out.loss as Float64Array)[0]!, gradients: zs.map((_, m) => out[`d${m}`] as Float64Array) };
}

function buildLoss(g: Graph, recipe: LossRecipe, logits: readonly Value[]): Value {
  const common = {
    labels: g.constant(labels, [B], "int64"),
    classPrior: g.constant(prior, [K]),
  };
  if (recipe.mode === "single")
    return recipe.build(g, {
      ...common,
      logits: logits[0]!,
      classCounts,
      headScale: 25,
      pretrainPrior: g.constant(pretrain, [K]),
    });
  if (recipe.mode === "joint")
    return recipe.build(g, { ...common, logits, strataPrior: logits.map(() => 1 / logits.length) });
  throw new Error("post-hoc has no loss");
}

describe("losses in double precision", () => {
  it("ce is the mean negative log softmax", async () => {
    const { loss } = await run(ce.recipe({}), [logitsOf(0)]);
    expect(loss).toBeCloseTo(meanNll(softmax(logitsOf(0), zero)), 12);
  });

  it("la shifts logits by τ log π", async () => {
    const { loss } = await run(la.recipe({ tau: 1.5 }), [logitsOf(0)]);
    expect(loss).toBeCloseTo(
      meanNll(
        softmax(
          logitsOf(0),
          logPrior.map((p) => 1.5 * p),
        ),
      ),
      12,
    );
  });

  it("gla-train also shifts by λ log of the pre-training prior", async () => {
    const { loss } = await run(glaTrain.recipe({ tau: 1, lambda: 0.5 }), [logitsOf(0)]);
    const shift = logPrior.map((p, k) => p + 0.5 * Math.log(pretrain[k]!));
    expect(loss).toBeCloseTo(meanNll(softmax(logitsOf(0), shift)), 12);
  });

  it("la and gla-train with zero strength are ce", async () => {
    const reference = await run(ce.recipe({}), [logitsOf(0)]);
    expect((await run(la.recipe({ tau: 0 }), [logitsOf(0)])).loss).toBeCloseTo(reference.loss, 12);
    expect((await run(glaTrain.recipe({ tau: 0, lambda: 0 }), [logitsOf(0)])).loss).toBeCloseTo(
      reference.loss,
      12,
    );
  });
});

describe("the losses of LIFT", () => {
  it.each<[string, LossRecipe, LossRecipe]>([
    ["focal with γ = 0 is ce", focal.recipe({ gamma: 0 }), ce.recipe({})],
    ["ldam without margin is ce", ldam.recipe({ maxMargin: 0 }), ce.recipe({})],
    ["cb with β = 0 is ce", cb.recipe({ beta: 0 }), ce.recipe({})],
    ["grw with exponent 0 is ce", grw.recipe({ exponent: 0 }), ce.recipe({})],
    ["bs is la with τ = 1", bs.recipe({}), la.recipe({ tau: 1 })],
    ["lade without its bound is bs", lade.recipe({ lambda: 0.1, weight: 0 }), bs.recipe({})],
  ])("%s", async (_what, recipe, same) => {
    const [a, b] = [await run(recipe, [logitsOf(0)]), await run(same, [logitsOf(0)])];
    expect(a.loss).toBeCloseTo(b.loss, 12);
    for (const [i, value] of b.gradients[0]!.entries()) expect(a.gradients[0]![i]).toBeCloseTo(value, 12);
  });

  it("cb with β near 1 weighs as grw does", async () => {
    const a = await run(cb.recipe({ beta: 1 - 1e-9 }), [logitsOf(0)]);
    const b = await run(grw.recipe({ exponent: 1 }), [logitsOf(0)]);
    expect(a.loss).toBeCloseTo(b.loss, 6);
  });

  const all: readonly [string, LossRecipe][] = [
    ["ce", ce.recipe({})],
    ["la", la.recipe({ tau: 1 })],
    ["gla-train", glaTrain.recipe({ tau: 1, lambda: 1 })],
    ["focal", focal.recipe({ gamma: 2 })],
    ["focal with γ < 1", focal.recipe({ gamma: 0.5 })],
    ["ldam", ldam.recipe({ maxMargin: 0.5 })],
    ["cb", cb.recipe({ beta: 0.9999 })],
    ["grw", grw.recipe({ exponent: 1 })],
    ["bs", bs.recipe({})],
    ["lade", lade.recipe({ lambda: 0.1, weight: 0.1 })],
  ];

  it.each(all)("%s stays finite for logits of ±1e4, also in float32", async (_name, recipe) => {
    const extreme = labels.flatMap((y, b) =>
      prior.map((_, k) => (b % 2 === 0 ? 1e4 : -1e4) * (k === y ? 1 : -1)),
    );
    for (const floatType of ["float32", "float64"] as const) {
      const { loss, gradients } = await run(recipe, [Float64Array.from(extreme)], floatType);
      expect(Number.isFinite(loss), floatType).toBe(true);
      expect(gradients[0]!.every(Number.isFinite), floatType).toBe(true);
    }
  });

  it.each(all)("%s refuses a class without images, by its label", (_name, recipe) => {
    const g = createGraph();
    const inputs = {
      logits: g.input("z", "float32", [B, K]),
      labels: g.constant(labels, [B], "int64"),
      classPrior: g.constant(prior, [K]),
      classCounts: [4, 0, 2, 0],
      headScale: 25,
      pretrainPrior: g.constant(pretrain, [K]),
    };
    if (recipe.mode !== "single") throw new Error("not over one model");
    expect(() => recipe.build(g, inputs)).toThrow(/2 of 4 classes have no training image \(labels 1, 3\)/);
  });
});

describe("backdoor, joint", () => {
  const options = { mode: "joint", space: "probability", tau: 1 } as const;
  const zs = [logitsOf(0), logitsOf(1), logitsOf(2)];

  it("is −log of the mean of the strata's adjusted probabilities", async () => {
    const parts = zs.map((z) => softmax(z, logPrior));
    const mixture = labels.map((_, b) =>
      prior.map((_, k) => parts.reduce((sum, p) => sum + p[b]![k]! / 3, 0)),
    );
    expect((await run(backdoor.recipe(options), zs)).loss).toBeCloseTo(meanNll(mixture), 12);
  });

  it("gives stratum m its own la gradient times its responsibility", async () => {
    const { gradients } = await run(backdoor.recipe(options), zs);
    const parts = zs.map((z) => softmax(z, logPrior));
    for (const [m, gradient] of gradients.entries()) {
      for (const [b, y] of labels.entries()) {
        const responsibility = parts[m]![b]![y]! / parts.reduce((sum, p) => sum + p[b]![y]!, 0);
        for (let k = 0; k < K; k++) {
          const own = (parts[m]![b]![k]! - Number(k === y)) / B;
          expect(gradient[b * K + k]).toBeCloseTo(responsibility * own, 12);
        }
      }
    }
  });

  it("with one stratum is la", async () => {
    const single = await run(la.recipe({ tau: 1 }), [zs[0]!]);
    const joint = await run(backdoor.recipe(options), [zs[0]!]);
    expect(joint.loss).toBeCloseTo(single.loss, 12);
    for (const [i, value] of single.gradients[0]!.entries())
      expect(joint.gradients[0]![i]).toBeCloseTo(value, 12);
  });

  it("stays finite for logits of ±1e4", async () => {
    const extreme = zs.map((z) => z.map((v) => v * 2500));
    const { loss, gradients } = await run(backdoor.recipe(options), extreme);
    expect(Number.isFinite(loss)).toBe(true);
    for (const gradient of gradients) expect(gradient.every(Number.isFinite)).toBe(true);
  });
});

describe("backdoor, post-hoc", () => {
  const zs = [logitsOf(0), logitsOf(1)];
  const predict = async (space: "logit" | "probability", masses: readonly number[]) => {
    const recipe = backdoor.recipe({ mode: "post-hoc", space, tau: 1 });
    if (recipe.mode !== "post-hoc") throw new Error("not post-hoc");
    expect(recipe.base).toEqual({ use: "la", tau: 1 });
    const g = createGraph({ floatType: "float64" });
    const logits = zs.map((z) => g.constant(z, [B, K]));
    const program = await compile(g, { scores: recipe.predict(g, logits, masses) }, { optimize: "none" });
    const { scores } = await program.run({});
    await program.release();
    return scores as Float64Array;
  };

  it("averages logits in logit space", async () => {
    const scores = await predict("logit", [0.25, 0.75]);
    for (const [i, score] of scores.entries())
      expect(score).toBeCloseTo(0.25 * zs[0]![i]! + 0.75 * zs[1]![i]!, 12);
  });

  it("averages probabilities in probability space", async () => {
    const scores = await predict("probability", [0.25, 0.75]);
    const parts = zs.map((z) => softmax(z, zero));
    for (const [i, score] of scores.entries()) {
      const [b, k] = [Math.floor(i / K), i % K];
      expect(score).toBeCloseTo(Math.log(0.25 * parts[0]![b]![k]! + 0.75 * parts[1]![b]![k]!), 12);
    }
  });
});
