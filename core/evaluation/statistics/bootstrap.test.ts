import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { describe, expect, it } from "vitest";
import { bootstrap, type PredictedRow } from "./bootstrap.ts";

const SEED = Number(process.env.DUALTAIL_TEST_SEED ?? 20_250_131);

function uniforms(seed: number): () => number {
  const generator = xoroshiro128plus(seed);
  return () => (generator.next() >>> 0) / 2 ** 32;
}

const labelsOf = (classes: number, perClass: number): Int32Array =>
  Int32Array.from({ length: classes * perClass }, (_, i) => i % classes);

const row = (...correct: readonly ArrayLike<number>[]): PredictedRow => ({
  seeds: [...correct.keys()],
  correct: correct.map((bits) => Uint8Array.from(bits)),
});

const random = (uniform: () => number, n: number, p: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length: n }, (_, i) => Number(uniform() < p(i)));

describe("bootstrap", () => {
  it("is the mean of the classes' accuracies, over any subset of classes", () => {
    const labels = Int32Array.from([0, 0, 0, 0, 1, 1, 3]);
    const { estimate } = bootstrap({
      labels,
      classes: 4,
      rows: [row([1, 1, 1, 0, 0, 1, 1], [1, 1, 1, 1, 0, 0, 1])],
    });
    // Class 2 has no test image. Seed 0: (3/4 + 1/2 + 1) / 3, seed 1: (1 + 0 + 1) / 3.
    expect(estimate([{ row: 0, weight: 1 }])!.value).toBeCloseTo((2.25 + 2) / 6, 12);
    expect(estimate([{ row: 0, weight: 1, classes: [1, 2] }])!.value).toBeCloseTo(0.25, 12);
    expect(estimate([{ row: 0, weight: 1, classes: [2] }])).toBeUndefined();
  });

  it("has the standard error of theory: Σ p(1 − p)/(n − 1) / K² over classes", () => {
    const [classes, n] = [4, 25];
    const labels = labelsOf(classes, n);
    const hits = [5, 10, 15, 20];
    const correct = Uint8Array.from(labels, (y, i) => Number(Math.floor(i / classes) < hits[y]!));
    const { estimate } = bootstrap({ labels, classes, rows: [row(correct)], resamples: 20_000, seed: SEED });
    const { low, high, value, seeds, resampled } = estimate([{ row: 0, weight: 1 }])!;
    const variance = hits.reduce((sum, h) => sum + ((h / n) * (1 - h / n)) / (n - 1), 0) / classes ** 2;
    expect(value).toBeCloseTo(0.5, 12);
    // A sum of a hundred draws is close to normal: half the interval is 1.96 standard errors, within 4 %.
    expect((high - low) / 2 / (1.96 * Math.sqrt(variance))).toBeGreaterThan(0.96);
    expect((high - low) / 2 / (1.96 * Math.sqrt(variance))).toBeLessThan(1.04);
    expect([seeds, resampled]).toEqual([1, "images"]);
  });

  it("is t·s/√S where only seeds vary", () => {
    // Per class all images right or all wrong; seed s gets s of 40 classes right.
    const [classes, n] = [40, 3];
    const labels = labelsOf(classes, n);
    const right = [10, 13, 16, 19, 22, 25, 28, 31];
    const rows = [row(...right.map((r) => Uint8Array.from(labels, (y) => Number(y < r))))];
    const { estimate } = bootstrap({ labels, classes, rows, resamples: 20_000, seed: SEED });
    const { low, high, resampled } = estimate([{ row: 0, weight: 1 }])!;
    const mean = right.reduce((a, b) => a + b, 0) / 8;
    const error = Math.sqrt(right.reduce((sum, r) => sum + (r - mean) ** 2, 0) / 7 / 8) / classes;
    expect((high - low) / 2 / (2.365 * error)).toBeGreaterThan(0.93);
    expect((high - low) / 2 / (2.365 * error)).toBeLessThan(1.07);
    expect(resampled).toBe("images and seeds");
  });

  it("finds no difference between identical rows: 0, [0, 0], p = 1", () => {
    const labels = labelsOf(5, 8);
    const uniform = uniforms(SEED);
    const bits = [0, 1, 2].map(() => random(uniform, labels.length, () => 0.6));
    const { estimate } = bootstrap({ labels, classes: 5, rows: [row(...bits), row(...bits)], seed: SEED });
    const difference = [
      { row: 0, weight: 1 },
      { row: 1, weight: -1 },
    ];
    expect(estimate(difference)).toMatchObject({ value: 0, low: 0, high: 0, p: 1, paired: true });
  });

  it("gives the same numbers under a seed, and others under another", () => {
    const labels = labelsOf(5, 8);
    const rows = [row(random(uniforms(SEED), labels.length, () => 0.6))];
    const once = (seed: number) =>
      bootstrap({ labels, classes: 5, rows, seed, resamples: 500 }).estimate([{ row: 0, weight: 1 }])!;
    expect(once(1)).toEqual(once(1));
    const interval = ({ low, high }: { low: number; high: number }) => [low, high];
    expect([2, 3, 4, 5].map((seed) => interval(once(seed)))).not.toEqual(Array(4).fill(interval(once(1))));
  });

  it("does not depend on the order of the images, beyond the draws", () => {
    const labels = labelsOf(6, 30);
    const uniform = uniforms(SEED);
    const bits = [0, 1, 2].map(() => random(uniform, labels.length, (i) => 0.3 + 0.1 * labels[i]!));
    const order = [...labels.keys()].map((i) => [uniform(), i] as const).sort((a, b) => a[0] - b[0]);
    const moved = <T extends Uint8Array | Int32Array>(data: T): T =>
      data.map((_, at) => data[order[at]![1]]!) as T;
    const options = { classes: 6, resamples: 8000, seed: SEED };
    const term = [{ row: 0, weight: 1 }];
    const a = bootstrap({ labels, rows: [row(...bits)], ...options }).estimate(term)!;
    const b = bootstrap({ labels: moved(labels), rows: [row(...bits.map(moved))], ...options }).estimate(
      term,
    )!;
    expect(b.value).toBeCloseTo(a.value, 12);
    // The draws fall on other images: bounds agree to a few per cent of the interval's width.
    expect(Math.abs(b.low - a.low)).toBeLessThan(0.06 * (a.high - a.low));
    expect(Math.abs(b.high - a.high)).toBeLessThan(0.06 * (a.high - a.low));
  });

  it("compares on the seeds that rows share, goes with rows without a seed, and says when none are shared", () => {
    const labels = labelsOf(2, 4);
    const all = (bit: number) => Uint8Array.from(labels, () => bit);
    const rows: PredictedRow[] = [
      { seeds: [0, 1, 2], correct: [all(1), all(1), all(0)] },
      { seeds: [1, 0], correct: [all(0), all(1)] },
      { seeds: [7], correct: [all(0)] },
      { seeds: [undefined], correct: [all(1)] },
    ];
    const { estimate } = bootstrap({ labels, classes: 2, rows });
    const minus = (a: number, b: number) =>
      estimate([
        { row: a, weight: 1 },
        { row: b, weight: -1 },
      ]);
    expect(minus(0, 1)).toMatchObject({ value: 0.5, seeds: 2, paired: true });
    expect(minus(0, 3)).toMatchObject({ value: expect.closeTo(-1 / 3, 12), seeds: 3, paired: true });
    expect(minus(0, 2)).toMatchObject({ value: expect.closeTo(2 / 3, 12), seeds: 1, paired: false });
  });

  it("refuses what does not fit", () => {
    const labels = labelsOf(2, 2);
    const good = row([1, 1, 1, 1]);
    const make = (input: object) => () => bootstrap({ labels, classes: 2, rows: [good], ...input });
    expect(make({ rows: [row([1, 1])] })).toThrow(/row 0 has 2 predictions for 4 images/);
    expect(make({ classes: 1 })).toThrow(/label 1, outside \[0, 1\)/);
    expect(make({ rows: [{ seeds: [3, 3], correct: [...good.correct, ...good.correct] }] })).toThrow(/twice/);
    expect(make({ rows: [{ seeds: [], correct: [] }] })).toThrow(/0 seeds/);
    expect(make({ labels: new Int32Array() })).toThrow(/no test images/);
    expect(make({ resamples: 5 })).toThrow(/5 resamples/);
  });

  describe("coverage on data of known truth", () => {
    const SIMULATIONS = 400;
    /** Share of intervals that hold the truth; each simulation draws new images, seeds and answers. */
    function coverage(seeds: number): { row: number; difference: number } {
      const [classes, n] = [8, 20];
      const labels = labelsOf(classes, n);
      const uniform = uniforms(SEED);
      const base = (y: number) => 0.35 + 0.03 * y;
      const covered = { row: 0, difference: 0 };
      for (let sim = 0; sim < SIMULATIONS; sim++) {
        // Images have a difficulty that both rows share, seeds a luck of their own; both have mean 0.
        const difficulty = Float64Array.from(labels, () => 0.3 * (uniform() - 0.5));
        const make = (gain: number) =>
          Array.from({ length: seeds }, () => {
            const luck = seeds === 1 ? 0 : 0.1 * (uniform() - 0.5);
            return random(uniform, labels.length, (i) => base(labels[i]!) + difficulty[i]! + luck + gain);
          });
        const rows = [row(...make(0)), row(...make(0.1))];
        const { estimate } = bootstrap({ labels, classes, rows, resamples: 400, seed: sim });
        const holds = (truth: number, terms: Parameters<typeof estimate>[0]) => {
          const { low, high } = estimate(terms)!;
          return low <= truth && truth <= high;
        };
        const difference = [
          { row: 1, weight: 1 },
          { row: 0, weight: -1 },
        ];
        if (holds(0.35 + (0.03 * 7) / 2, [{ row: 0, weight: 1 }])) covered.row++;
        if (holds(0.1, difference)) covered.difference++;
      }
      return { row: covered.row / SIMULATIONS, difference: covered.difference / SIMULATIONS };
    }
    // Four standard errors of a binomial share at the nominal 95 %.
    const slack = 4 * Math.sqrt((0.95 * 0.05) / SIMULATIONS);

    it(`holds the truth in 95 % of cases with one seed (seed ${SEED})`, () => {
      const shares = coverage(1);
      for (const share of Object.values(shares)) {
        expect(share, JSON.stringify(shares)).toBeGreaterThan(0.95 - slack);
        expect(share, JSON.stringify(shares)).toBeLessThan(0.95 + slack);
      }
    });

    it(`holds it as often with five, where seeds and images interact (seed ${SEED})`, () => {
      const shares = coverage(5);
      for (const share of Object.values(shares)) {
        expect(share, JSON.stringify(shares)).toBeGreaterThan(0.95 - slack);
        expect(share, JSON.stringify(shares)).toBeLessThan(0.95 + slack);
      }
    });
  });
});
