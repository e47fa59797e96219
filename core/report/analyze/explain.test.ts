import { describe, expect, it } from "vitest";
import type { Run } from "../../mlflow-js-client/index.ts";
import { analyse } from "../analysis.ts";
import type { Row } from "../read/rows.ts";
import { explain } from "./explain.ts";
import { lossesOf } from "./losses.ts";

/** Four images of each class but the last, which has none. */
const labels = Int32Array.from({ length: 24 }, (_, i) => i % 6);
const trainCounts = [100, 50, 25, 0, 6, 3, 1];
const classNames = trainCounts.map((_, k) => `c${k}`);
const downstream = ["many", "many", "medium", "medium", "few", "few", "few"] as const;
const pretrain = ["few", "few", "medium", "medium", "medium", "many", "many"] as const;

/** Images of each class that are right, of 4; per seed. */
function row(kind: string, backbones: readonly string[], ...right: readonly (readonly number[])[]): Row {
  return {
    label: kind,
    loss: kind,
    kind,
    backbones,
    options: {},
    varied: {},
    downstream,
    pretrain,
    prior: [0.05, 0.1, 0.2, 0.1, 0.2, 0.35, 0],
    runs: right.map((own, seed) => ({
      run: { info: { runId: `${kind}${seed}` } } as Run,
      seed: kind === "zero-shot" ? undefined : seed,
      correct: Uint8Array.from(labels, (k, i) => Number(Math.floor(i / 6) < own[k]!)),
      metrics: {},
    })),
  };
}

const rows = [
  row("zero-shot", ["a"], [4, 4, 2, 2, 0, 0]),
  row("zero-shot", ["b"], [2, 4, 4, 2, 2, 0]),
  row("single", ["a"], [4, 3, 2, 1, 1, 0], [4, 2, 2, 1, 0, 0]),
  row("joint", ["a", "b"], [1, 4, 4, 1, 0, 4]),
  row("single", ["c"], [2, 2, 2, 2, 2, 2]),
];
const analysis = analyse({ rows, labels, trainCounts, classNames, setting: {}, omitted: [] });
const all = rows.map((own) => explain(analysis, own));

describe("explain", () => {
  it("takes means over seeds, and classes that both logarithms exist of", () => {
    expect(all[2]!.accuracy).toEqual([1, 0.625, 0.5, 0.25, 0.125, 0, Number.NaN]);
    expect(all[2]!.classes).toEqual([0, 1, 2, 4, 5]);
    expect(all[2]!.rank.downstream).toBeCloseTo(1, 12);
    expect(all[2]!.rank.pretrain).toBeLessThan(-0.8);
    expect(all[2]!.regression!.n).toBe(5);
    // The same accuracy everywhere: nothing to explain.
    expect(all[4]!.rank).toEqual({ downstream: undefined, pretrain: undefined });
  });

  it("knows accuracies alone of a run that has not logged its prior", () => {
    const { prior: _prior, ...without } = rows[2]!;
    const made = explain({ ...analysis, rows: [without] }, without);
    expect(made).toMatchObject({ classes: [], regression: undefined, accuracy: all[2]!.accuracy });
  });
});

describe("classes that lose most", () => {
  const losses = (i: number, worst = 10) => lossesOf(all, all[i]!, worst);
  const short = (own: ReturnType<typeof losses>["fromMean"] | undefined) =>
    own?.map(({ class: k, difference }) => [k, Number(difference.toFixed(6))]);

  it("are below zero-shot of the same backbone, of several below their mean", () => {
    expect(short(losses(2).fromZeroShot)).toEqual([
      [1, -0.375],
      [3, -0.25],
    ]);
    expect(short(losses(3).fromZeroShot)).toEqual([
      [0, -0.5],
      [3, -0.25],
      [4, -0.25],
    ]);
    expect(short(losses(3, 1).fromZeroShot)).toEqual([[0, -0.5]]);
    expect(losses(0).fromZeroShot).toBeUndefined();
    expect(losses(4).fromZeroShot).toBeUndefined();
  });

  it("are below the row's mean over the classes that were tested", () => {
    // (1 + 0.625 + 0.5 + 0.25 + 0.125 + 0) / 6
    expect(short(losses(2).fromMean)).toEqual([
      [5, -0.416667],
      [4, -0.291667],
      [3, -0.166667],
    ]);
    expect(losses(4).fromMean).toEqual([]);
  });
});
