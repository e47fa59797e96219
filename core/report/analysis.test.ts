import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { beforeEach, describe, expect, it } from "vitest";
import { downstreamGroups, type Group, pretrainGroups } from "../evaluation/index.ts";
import type { Run } from "../mlflow-js-client/index.ts";
import type { ReportedResults } from "../plugin-api/index.ts";
import { type Analysis, analyse, asFamily, metricDifference, metricMean } from "./analysis.ts";
import { claimsOf, hardly, rises } from "./claims.ts";
import type { Row } from "./read/rows.ts";
import { controlsFor, inOtherSpace } from "./roles.ts";
import { crossingBlocks } from "./sections/crossing.ts";
import { controlBlocks, differenceCell, referenceBlocks } from "./sections/differences.ts";
import { reportedBlocks } from "./sections/reported.ts";
import { rowsBlocks } from "./sections/rows.ts";
import { verdictBlocks } from "./sections/verdict.ts";

const K = 9;
const PER_CLASS = 40;
const labels = Int32Array.from({ length: K * PER_CLASS }, (_, i) => i % K);
const trainCounts = [300, 200, 150, 60, 50, 40, 10, 8, 5];
const downstream: readonly Group[] = downstreamGroups(trainCounts);
// P-Few: classes 2, 5, 8; class 8 is the dual tail.
const pretrain: readonly Group[] = pretrainGroups([9, 6, 3, 8, 5, 2, 7, 4, 1]);

interface Made {
  readonly loss: string;
  readonly label?: string;
  readonly kind?: string;
  readonly backbones?: readonly string[];
  readonly options?: Readonly<Record<string, string>>;
  readonly seeds?: readonly (number | undefined)[];
  /** Of class k. */
  readonly accuracy: (k: number) => number;
  readonly knn?: (seed: number) => number;
}

let streams = 1;
// So that what a test draws does not depend on the tests before it.
beforeEach(() => {
  streams = 1;
});
function row(made: Made): Row {
  const { loss, label = loss, kind = "single", backbones = ["clip"], options = {}, seeds = [0, 1, 2] } = made;
  return {
    loss,
    label,
    kind,
    backbones,
    options,
    varied: {},
    downstream,
    pretrain,
    runs: seeds.map((seed) => {
      const generator = xoroshiro128plus(streams++);
      const uniform = () => (generator.next() >>> 0) / 2 ** 32;
      return {
        run: {} as Run,
        seed,
        correct: Uint8Array.from(labels, (y) => Number(uniform() < made.accuracy(y))),
        metrics: (made.knn ? { "test/knn": made.knn(seed ?? 0) } : {}) as Record<string, number>,
      };
    }),
  };
}

const analysisOf = (...rows: readonly Row[]): Analysis =>
  analyse({
    rows,
    labels,
    trainCounts,
    setting: {},
    classNames: trainCounts.map((_, k) => `c${k}`),
    omitted: [],
  });

const both = ["clip", "openclip"];
const backdoor = (accuracy: number, seeds = [0, 1, 2]) =>
  row({ loss: "backdoor", kind: "post-hoc", backbones: both, seeds, accuracy: () => accuracy });
const control = (backbone: string, accuracy: number, seeds = [0, 1, 2]) =>
  row({ loss: "control", kind: "post-hoc", backbones: [backbone], seeds, accuracy: () => accuracy });
const lead = (...rows: readonly Row[]) => {
  const [block] = verdictBlocks(analysisOf(...rows));
  return block?.kind === "paragraph" ? block.text : "";
};

it("puts what others reported beside the rows of the same loss, a table per source", () => {
  const reported = (source: string, overall: number): ReportedResults => ({
    source,
    rows: [
      { method: "LIFT", loss: "la", many: 76.2, overall },
      { method: "other", overall: 1 },
    ],
  });
  const analysis = analysisOf(
    row({ loss: "la", accuracy: () => 0.6 }),
    row({ loss: "ce", accuracy: () => 0.5 }),
  );
  const blocks = reportedBlocks(analysis, [reported("one (2024)", 72.6), reported("two (2025)", 77)]);
  const tables = blocks.filter((block) => block.kind === "table");
  expect(blocks.flatMap((block) => (block.kind === "heading" ? block.text : []))).toEqual([
    "Reported elsewhere",
    "one (2024)",
    "two (2025)",
  ]);
  expect(tables.map(({ rows }) => rows.map((row) => row.slice(0, 5).map(({ text }) => text)))).toEqual([
    [
      ["LIFT", "76.2", "—", "—", "72.6"],
      ["other", "—", "—", "—", "1.0"],
    ],
    [
      ["LIFT", "76.2", "—", "—", "77.0"],
      ["other", "—", "—", "—", "1.0"],
    ],
  ]);
  expect(tables[0]!.rows.map((row) => row[5]!.text)).toEqual([
    expect.stringMatching(/^clip: \d\d\.\d \[\d\d\.\d, \d\d\.\d\]$/),
    "—",
  ]);
  expect(reportedBlocks(analysis, [])).toEqual([]);
});

describe("the first paragraph", () => {
  it("says that backdoor beats, is worse than, or cannot be told from the control", () => {
    const controls = both.map((backbone) => control(backbone, 0.6));
    expect(lead(backdoor(0.9), ...controls)).toMatch(
      /^backdoor · clip \+ openclip beats the control of its best backbone, (open)?clip \(\d\d\.\d %\): \+\d+\.\d points overall, 95 % interval \[\+.*; from the mean of the 2 controls \+.*, from that of (open)?clip \+[^;]*\.$/,
    );
    expect(lead(backdoor(0.3), ...controls)).toMatch(/is worse than the control of its best backbone, .*: −/);
    const same = control("clip", 0.6);
    const twin: Row = { ...same, loss: "backdoor", kind: "post-hoc", backbones: both };
    expect(lead(twin, same)).toMatch(
      /cannot be told apart from the control of clip \(\d\d\.\d %\): 0\.0 points .*\[0\.0, 0\.0\]; there is no control of openclip\.$/,
    );
  });

  it("sums several backdoor rows up and has a line for each", () => {
    const other: Row = { ...backdoor(0.3), label: "backdoor (weak)" };
    const of = (...rows: readonly Row[]) => verdictBlocks(analysisOf(...rows, control("clip", 0.6)));
    expect(of(backdoor(0.9), other)).toEqual([
      expect.objectContaining({
        lead: true,
        text: expect.stringMatching(
          /^1 of the 2 backdoor rows .* \(0 cannot be told apart from it, 1 worse\)\.$/,
        ),
      }),
      { kind: "list", items: [expect.stringContaining("beats"), expect.stringContaining("is worse")] },
    ]);
    expect(of(backdoor(0.3), other)[0]).toMatchObject({ text: expect.stringMatching(/^None of the 2/) });
    expect(of(backdoor(0.9), { ...other, runs: backdoor(0.9).runs })[0]).toMatchObject({
      text: expect.stringMatching(/^Each of the 2/),
    });
  });

  it("says that there is no control, or no backdoor", () => {
    expect(lead(backdoor(0.9))).toMatch(
      /^Whether backdoor beats the control cannot be said: there is no control row/,
    );
    expect(lead(control("clip", 0.5))).toMatch(/^There is no backdoor row/);
  });

  it("says when it rests on one seed, and when seeds differ", () => {
    expect(lead(backdoor(0.9, [0]), control("clip", 0.5, [0]))).toMatch(/one seed, so images alone/);
    expect(lead(backdoor(0.9), control("clip", 0.5, [7, 8]))).toMatch(/no seeds in common/);
  });

  it("names the control of the best backbone, and counts only what beats the control of each", () => {
    const controls = [control("clip", 0.75), control("openclip", 0.4)];
    expect(lead(backdoor(0.6), ...controls)).toMatch(/is worse than .* its best backbone, clip \(7\d/);
    expect(lead(backdoor(0.95), ...controls)).toMatch(
      /beats .* best backbone, clip .*that of openclip \+[45]/,
    );
    // The better control has one seed, so images alone; the worse one's seeds differ so much that nothing can be said.
    const base = backdoor(0.7);
    const swinging = control("openclip", 0.6);
    const runs = swinging.runs.map((run, s) => ({
      ...run,
      correct: Uint8Array.from(labels, (_, i) => Number((i * 7) % 10 < [1, 5, 10][s]!)),
    }));
    const text = lead(base, control("clip", 0.61), { ...swinging, runs });
    expect(text).toMatch(
      /cannot be told apart from the control of its best backbone, clip .*: \+.* interval \[\+/,
    );
  });

  it("holds a combination against controls of its backbones that combine alike", () => {
    const make = (backbone: string, space: string, tau = "1") => ({
      ...control(backbone, 0.5),
      options: { "loss.space": space, "loss.tau": tau },
    });
    const controls = [
      make("clip", "logit"),
      make("clip", "probability", "2"),
      make("clip", "probability"),
      make("other", "probability"),
      make("openclip", "logit"),
    ];
    const probability = {
      ...backdoor(0.5),
      options: { "loss.mode": "post-hoc", "loss.space": "probability", "loss.tau": "1" },
    };
    // openclip has none in probability space: the other one is better than none, and is said to be another.
    expect(controlsFor([...controls, probability], probability)).toEqual([controls[2], controls[4]]);
    expect(controls.map((own) => inOtherSpace(own, probability))).toEqual([true, false, false, false, true]);
    expect(controlsFor(controls, backdoor(0.5))).toEqual([controls[0], controls[4]]);
    const logit = { ...probability, options: { ...probability.options, "loss.space": "logit" } };
    expect(controlsFor(controls, logit)).toEqual([controls[0], controls[4]]);
  });

  it("is about backdoor alone: other combinations go further than their ensembling", () => {
    const gla = { ...backdoor(0.9), loss: "backdoor-gla", label: "backdoor-gla" };
    expect(lead(gla, control("clip", 0.5))).toMatch(/^There is no backdoor row/);
  });
});

describe("tables", () => {
  const la = both.map((name) => row({ loss: "la", backbones: [name], accuracy: () => 0.5, knn: () => 0.5 }));

  it("compare with la on the same backbone, and combinations with its mean", async () => {
    const ce = row({ loss: "ce", accuracy: () => 0.5 });
    const analysis = analysisOf(...la, ce, backdoor(0.95));
    const table = (await referenceBlocks(analysis)).find((block) => block.kind === "table")!;
    expect(table.rows.map((cells) => cells.slice(0, 2).map(({ text }) => text))).toEqual([
      ["ce · clip", "la · clip"],
      ["backdoor · clip + openclip", "mean of la on each"],
    ]);
    const expected = analysis.compare({ rows: [analysis.rows[3]!], minus: la })!;
    expect(expected.value).toBeGreaterThan(0.35);
    expect(table.rows[1]![2]).toMatchObject({ strong: true, text: `+${(100 * expected.value).toFixed(1)}` });
    expect(JSON.stringify(await controlBlocks(analysis))).toContain("There is no control row");
  });

  it("set bold only what its interval and the corrected p tell from 0", () => {
    const difference = { value: 0.1, seeds: 1, resampled: "images", paired: true, p: 0.001 } as const;
    const strong = (low: number, high: number, adjusted: number) =>
      differenceCell({ ...difference, low, high, adjusted }).strong;
    expect(strong(0.01, 0.2, 0.01)).toBe(true);
    expect(strong(-0.2, -0.01, 0.01)).toBe(true);
    expect(strong(-0.01, 0.2, 0.01)).toBe(false);
    expect(strong(0.01, 0.2, 0.06)).toBe(false);
    expect(
      asFamily([{ ...difference, low: 0, high: 1 }, undefined, { ...difference, low: 0, high: 1, p: 0.5 }]),
    ).toEqual([
      expect.objectContaining({ adjusted: 0.002 }),
      undefined,
      expect.objectContaining({ adjusted: 0.5 }),
    ]);
  });

  it("print empty cells as empty and the seeds of each row", async () => {
    // Classes 7 and 8 are moved to D-Many: D-Few ∩ P-Few holds none.
    const moved = downstream.map((group, k) => (k > 6 ? "many" : group));
    const rows = la.map((own) => ({ ...own, downstream: moved }));
    const blocks = await crossingBlocks(analysisOf(...rows));
    const table = blocks.find((block) => block.kind === "table")!;
    expect(table.rows[0]!.at(-1)).toEqual({ text: "—", note: "empty" });
    expect(table.rows[0]![1]).toEqual({ text: expect.stringMatching(/^\d/), note: "n=1" });
    const zeroShot = row({ loss: "zero-shot", kind: "zero-shot", seeds: [undefined], accuracy: () => 0.5 });
    const main = rowsBlocks(analysisOf(zeroShot, ...la)).find((block) => block.kind === "table")!;
    expect(main.rows.map((cells) => cells[2]!.text)).toEqual(["—", "3", "3"]);
  });
});

describe("metrics without predictions", () => {
  it("are compared over the seeds in common; a row without a seed goes with any", () => {
    const knn = (loss: string, seeds: readonly (number | undefined)[], value: (seed: number) => number) =>
      row({ loss, seeds, accuracy: () => 0.5, knn: value });
    const a = knn("la", [0, 1, 2], (seed) => 0.5 + seed / 100);
    const b = knn("ce", [1, 2, 3], (seed) => 0.4 + seed / 100);
    expect(metricDifference("test/knn", [a], [b])).toMatchObject({ n: 2, value: expect.closeTo(0.1, 12) });
    const zeroShot = knn("zero-shot", [undefined], () => 0.3);
    expect(metricDifference("test/knn", [a], [zeroShot])).toMatchObject({
      n: 3,
      value: expect.closeTo(0.21, 12),
    });
    expect(metricDifference("test/knn", [zeroShot], [zeroShot])).toEqual({ n: 1, value: 0 });
    expect(metricDifference("test/knn", [a], [knn("x", [7], () => 0)])).toBeUndefined();
    expect(metricDifference("test/none", [a], [b])).toBeUndefined();
    expect(metricMean(a, "test/knn")).toMatchObject({ n: 3, value: expect.closeTo(0.51, 12) });
  });
});

describe("claims", () => {
  it("are decided by bounds", () => {
    const of = (low: number, high: number) => ({ value: (low + high) / 2, low, high });
    expect([of(-0.02, 0.005), of(0.02, 0.04), of(-0.01, 0.02)].map(hardly)).toEqual([
      "holds",
      "does not hold",
      "cannot be told apart",
    ]);
    expect([of(0.001, 0.1), of(-0.1, -0.001), of(-0.1, 0.1)].map(rises)).toEqual([
      "holds",
      "does not hold",
      "cannot be told apart",
    ]);
    expect([hardly({ value: 1 }), rises({ value: 1 }), hardly(undefined), rises(undefined)]).toEqual([
      "cannot be told apart",
      "cannot be told apart",
      "not measured",
      "not measured",
    ]);
  });

  const on = (loss: string, accuracy: (k: number) => number, knn: (seed: number) => number) =>
    both.map((name) => row({ loss, backbones: [name], accuracy, knn }));
  const verdicts = (rows: readonly Row[]) => claimsOf(analysisOf(...rows)).map(({ verdict }) => verdict);

  it("hold on data made to fit them", () => {
    const tail = (k: number) => (k === 8 ? 0.1 : 0.8);
    const rows = [
      ...on("ce", tail, (seed) => 0.5 + seed / 1000),
      ...on("la", tail, (seed) => 0.501 + seed / 1000),
      ...on(
        "gla-train",
        (k) => tail(k) - 0.1,
        (seed) => 0.5 + seed / 1000,
      ),
      row({
        loss: "backdoor",
        kind: "joint",
        backbones: both,
        accuracy: () => 0.9,
        knn: (seed) => 0.6 + seed / 1000,
      }),
    ];
    expect(verdicts(rows)).toEqual(Array(5).fill("holds"));
  });

  it("do not hold on data made against them", () => {
    const tail = (k: number) => (k === 8 ? 0.9 : 0.2);
    const rows = [
      ...on("ce", tail, () => 0.5),
      ...on("la", tail, (seed) => 0.6 + seed / 1000),
      ...on(
        "gla-train",
        (k) => (k === 8 ? 1 : 0.7),
        () => 0.5,
      ),
      row({
        loss: "backdoor",
        kind: "joint",
        backbones: both,
        accuracy: () => 0.9,
        knn: (seed) => 0.4 + seed / 1000,
      }),
    ];
    expect(verdicts(rows)).toEqual(Array(5).fill("does not hold"));
  });

  it("are not measured without their rows, and not told apart with one seed's KNN", () => {
    expect(verdicts([backdoor(0.5)])).toEqual(Array(5).fill("not measured"));
    const single = (loss: string) => row({ loss, seeds: [0], accuracy: () => 0.5, knn: () => 0.5 });
    expect(verdicts([single("ce"), single("la")])[0]).toBe("cannot be told apart");
  });
});
