import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DualtailError } from "../../errors.ts";
import { estimatePretrainPrior } from "./index.ts";

/** Small deterministic generator (mulberry32) for test data. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function normalise(weights: readonly number[]): number[] {
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
}

/**
 * A finite world in which the population is listed in full: `counts[x][y]` images of kind x and class y, columns with
 * equal sums, so p(x|y) is exact and a model with pre-training prior q has logits log q_y + log p(x|y). The planted q is
 * then the exact minimiser, not just its estimate.
 */
function world(
  q: readonly number[],
  kinds: number,
  seed: number,
  repeat: readonly number[] = q.map(() => 1),
) {
  const K = q.length;
  const next = random(seed);
  const counts = Array.from({ length: kinds }, (_, x) =>
    Array.from({ length: K }, (_, y) => 1 + Math.floor(next() * 4) + (x % K === y ? 12 : 0)),
  );
  const total = Math.max(...q.map((_, y) => counts.reduce((sum, row) => sum + row[y]!, 0)));
  q.forEach((_, y) => {
    counts[y]![y]! += total - counts.reduce((sum, row) => sum + row[y]!, 0);
  });
  const logits: number[] = [];
  const labels: number[] = [];
  counts.forEach((row) => {
    row.forEach((n, y) => {
      for (let i = 0; i < n * repeat[y]!; i++) {
        logits.push(...row.map((c, k) => Math.log(q[k]! * c)));
        labels.push(y);
      }
    });
  });
  return { logits: Float64Array.from(logits), labels: Int32Array.from(labels), classes: K };
}

/** mean CE(z/T − log q + log π, y), written out. */
function objective(
  data: { logits: Float64Array; labels: Int32Array; classes: number },
  q: readonly number[],
  temperature = 1,
  pi?: readonly number[],
): number {
  const K = data.classes;
  let sum = 0;
  data.labels.forEach((y, i) => {
    const z = q.map((v, k) => data.logits[i * K + k]! / temperature - Math.log(v) + Math.log(pi?.[k] ?? 1));
    const max = Math.max(...z);
    sum += max + Math.log(z.reduce((s, v) => s + Math.exp(v - max), 0)) - z[y]!;
  });
  return sum / data.labels.length;
}

function gaussianLogits(N: number, K: number, separation: number, seed: number) {
  const next = random(seed);
  const gauss = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const labels = Int32Array.from({ length: N }, (_, i) => i % K);
  const logits = Float64Array.from({ length: N * K }, gauss);
  labels.forEach((y, i) => {
    logits[i * K + y]! += separation;
  });
  return { logits, labels, classes: K };
}

describe("estimatePretrainPrior", () => {
  it("recovers a planted prior exactly when the population is listed in full", () => {
    const q = normalise([40, 20, 10, 5, 2, 1, 0.5]);
    const estimate = estimatePretrainPrior({ ...world(q, 12, 1), temperature: 1 });
    expect(estimate.converged).toBe(true);
    expect(estimate.gap).toBeLessThanOrEqual(1e-9);
    q.forEach((value, k) => {
      expect(Math.log(estimate.prior[k]!)).toBeCloseTo(Math.log(value), 3);
    });
    expect(estimate.prior.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });

  it("corrects for an estimation set that is not balanced", () => {
    const q = normalise([1, 2, 4, 8]);
    const repeat = [8, 3, 2, 1];
    const data = world(q, 9, 2, repeat);
    const pi = Float64Array.from(normalise(repeat));
    const right = estimatePretrainPrior({ ...data, temperature: 1, estimationPrior: pi });
    const ignorant = estimatePretrainPrior({ ...data, temperature: 1 });
    q.forEach((value, k) => {
      expect(Math.log(right.prior[k]!)).toBeCloseTo(Math.log(value), 3);
    });
    expect(Math.abs(Math.log(ignorant.prior[0]! / q[0]!))).toBeGreaterThan(0.5);
    expect(right.objective).toBeCloseTo(objective(data, Array.from(right.prior), 1, Array.from(pi)), 10);
  });

  it.each([2, 3])("agrees with brute force for K = %i", (K) => {
    const data = gaussianLogits(60, K, 0.7, K);
    const estimate = estimatePretrainPrior({ ...data, temperature: 0.8 });
    let best = { q: [] as number[], value: Number.POSITIVE_INFINITY };
    const steps = 120;
    for (let a = 1; a < steps; a++) {
      for (let b = 1; b < (K === 2 ? 2 : steps - a); b++) {
        const q = K === 2 ? [a / steps, 1 - a / steps] : [a / steps, b / steps, 1 - (a + b) / steps];
        const value = objective(data, q, 0.8);
        if (value < best.value) best = { q, value };
      }
    }
    expect(estimate.objective).toBeCloseTo(objective(data, Array.from(estimate.prior), 0.8), 10);
    expect(estimate.objective).toBeLessThanOrEqual(best.value + 1e-9);
    expect(best.value - estimate.objective).toBeLessThan(1e-4);
    best.q.forEach((value, k) => {
      expect(Math.abs(estimate.prior[k]! - value)).toBeLessThan(1.5 / steps);
    });
  });

  it("certifies: no feasible prior beats the objective by more than the gap, even when stopped early", () => {
    const data = gaussianLogits(90, 4, 1, 7);
    const optimum = estimatePretrainPrior({ ...data, temperature: 0.5, tolerance: 1e-12 });
    for (const maxIterations of [1, 2, 3, 5]) {
      const early = estimatePretrainPrior({ ...data, temperature: 0.5, maxIterations });
      expect(early.objective - optimum.objective).toBeLessThanOrEqual(early.gap + 1e-12);
    }
    const first = estimatePretrainPrior({ ...data, temperature: 0.5, maxIterations: 1 });
    expect(first.converged).toBe(false);
    expect(first.objective).toBeGreaterThan(optimum.objective + 1e-6);
  });

  it("solves with classes at the floor, where clipping an unconstrained solution would not", () => {
    const data = gaussianLogits(80, 4, 0.3, 3);
    // Class 0 is hardly ever predicted: its unconstrained prior is far below the floor.
    for (let i = 0; i < 80; i++) data.logits[i * 4]! -= 6;
    const floor = 0.05;
    const estimate = estimatePretrainPrior({ ...data, temperature: 1, floor });
    expect(estimate.converged).toBe(true);
    expect(estimate.atFloor).toEqual([0]);
    expect(Math.min(...estimate.prior)).toBeGreaterThanOrEqual(floor);
    const loose = estimatePretrainPrior({ ...data, temperature: 1 });
    const clipped = normalise(Array.from(loose.prior, (v) => Math.max(v, floor)));
    const raised = clipped.map((v, k) => (k === 0 ? floor : (v * (1 - floor)) / (1 - clipped[0]!)));
    expect(estimate.objective).toBeLessThan(objective(data, raised) + 1e-12);
    // Constrained optimum: moving mass among the free classes, or off the floor, does not help.
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (w) => {
          const q = normalise(w).map((v) => floor + (1 - 4 * floor) * v);
          expect(objective(data, q)).toBeGreaterThanOrEqual(estimate.objective - estimate.gap - 1e-12);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it("does not depend on the order of the classes, nor on the run", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 3, max: 8 }), (seed, K) => {
        const data = gaussianLogits(30 * K, K, 1, seed);
        const next = random(seed + 1);
        const order = Array.from({ length: K }, (_, k) => k);
        for (let i = K - 1; i > 0; i--) {
          const j = Math.floor(next() * (i + 1));
          [order[i], order[j]] = [order[j]!, order[i]!];
        }
        const permuted = {
          classes: K,
          labels: data.labels.map((y) => order[y]!),
          logits: data.logits.map((_, at) => {
            const i = Math.floor(at / K);
            return data.logits[i * K + order.indexOf(at % K)]!;
          }),
        };
        const one = estimatePretrainPrior({ ...data, tolerance: 1e-11 });
        const two = estimatePretrainPrior({ ...permuted, tolerance: 1e-11 });
        for (let k = 0; k < K; k++) expect(two.prior[order[k]!]).toBeCloseTo(one.prior[k]!, 6);
        expect(estimatePretrainPrior({ ...data, tolerance: 1e-11 })).toEqual(one);
      }),
      { seed: 2, numRuns: 15 },
    );
  });

  it("leaves a class that never occurs neutral, and says so", () => {
    const data = gaussianLogits(120, 4, 1, 5);
    const labels = data.labels.map((y) => (y === 2 ? 0 : y));
    const estimate = estimatePretrainPrior({ ...data, labels });
    expect(estimate.unidentified).toEqual([2]);
    expect(estimate.converged).toBe(true);
    const [a, b, , d] = estimate.prior;
    expect(estimate.prior[2]).toBeCloseTo(Math.cbrt(a! * b! * d!), 10);
    expect(estimate.prior.reduce((x, y) => x + y)).toBeCloseTo(1, 12);
    const alone = estimatePretrainPrior({
      logits: data.logits,
      labels: data.labels.map(() => 1),
      classes: 4,
    });
    expect(Array.from(alone.prior)).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it.each([1e3, 1e6, 1e30])("stands logits of ±%d", (size) => {
    const data = gaussianLogits(60, 5, 1.2, 11);
    const estimate = estimatePretrainPrior({ ...data, logits: data.logits.map((z) => z * size) });
    expect(estimate.prior.every((q) => q >= 1e-6 && q <= 1)).toBe(true);
    expect(estimate.prior.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(estimate.temperatureReached).toBe(false);
    expect(estimate.temperature).toBe(10);
    expect(Number.isFinite(estimate.gap)).toBe(true);
  });

  it("solves nearly separable classes, where first-order steps alone do not arrive", () => {
    const data = gaussianLogits(600, 40, 5, 13);
    const estimate = estimatePretrainPrior({
      ...data,
      logits: data.logits.map((z) => z * 8),
      temperature: 1,
    });
    expect(estimate.accuracy).toBeGreaterThan(0.98);
    expect(estimate.accuracy).toBeLessThan(1);
    expect(estimate.converged).toBe(true);
    expect(estimate.iterations).toBeLessThan(150);
  });

  it("takes a demo's size in well under the time anyone would notice", () => {
    const data = gaussianLogits(2000, 120, 2.5, 19);
    const start = performance.now();
    expect(estimatePretrainPrior(data).converged).toBe(true);
    // About 0.15 s on an idle core; the bound is for an algorithm gone wrong, not for a busy machine.
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it("finds the temperature at which confidence equals accuracy, or says that there is none", () => {
    const data = gaussianLogits(400, 6, 1.5, 17);
    const fit = estimatePretrainPrior({ ...data, logits: data.logits.map((z) => z * 4) });
    expect(fit.temperatureReached).toBe(true);
    expect(Math.abs(fit.confidence - fit.accuracy)).toBeLessThanOrEqual(0.001);
    expect(fit.temperature).toBeGreaterThan(1);
    const flat = estimatePretrainPrior({ ...data, logits: data.logits.map((z) => z / 1e4) });
    expect(flat.temperatureReached).toBe(false);
    expect(flat.temperature).toBe(0.1);
  });

  it("refuses what it cannot use, naming it", () => {
    const data = gaussianLogits(12, 3, 1, 1);
    const broken = data.logits.slice();
    broken[7] = Number.NaN;
    const attempt = (change: object) => () => estimatePretrainPrior({ ...data, ...change });
    expect(attempt({ logits: broken })).toThrow(/image 2, class 1 is NaN/);
    expect(attempt({ labels: data.labels.map((y) => y + 1) })).toThrow(/label 3, outside \[0, 3\)/);
    expect(attempt({ logits: data.logits.slice(1) })).toThrow(/35 logits for 12 labels and 3 classes/);
    expect(attempt({ floor: 0.5 })).toThrow(/floor 0.5/);
    expect(attempt({ estimationPrior: Float64Array.of(0.5, 0.5, 0) })).toThrow(/class 2 occurs/);
    expect(attempt({ labels: new Int32Array(0), logits: new Float64Array(0) })).toThrow(DualtailError);
  });
});
