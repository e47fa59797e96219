import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillSimplex, optimalityGap } from "./feasible.ts";

const FLOOR = 0.03;
const weights = (K: number) =>
  fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: K, maxLength: K });
/** Any feasible point: the floor plus a share of what is left. */
const feasiblePoint = (K: number) =>
  weights(K)
    .filter((w) => w.some((v) => v > 0.01))
    .map((w) => {
      const total = w.reduce((a, b) => a + b, 0);
      return Float64Array.from(w, (v) => FLOOR + (1 - K * FLOOR) * (v / total));
    });

describe("fillSimplex", () => {
  it("is feasible and keeps proportions above the floor", () => {
    expect(Array.from(fillSimplex(Float64Array.of(6, 3, 0), 0.1))).toEqual(
      [0.6, 0.3, 0.1].map((v) => expect.closeTo(v, 12)),
    );
    expect(Array.from(fillSimplex(new Float64Array(4), 0.1))).toEqual([0.25, 0.25, 0.25, 0.25]);
    fc.assert(
      fc.property(weights(6), (w) => {
        const q = fillSimplex(Float64Array.from(w), FLOOR);
        expect(Math.min(...q)).toBeGreaterThanOrEqual(FLOOR);
        expect(q.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      }),
      { seed: 1 },
    );
  });
});

describe("optimalityGap", () => {
  // A gradient of F sums to zero, as F does not see a shift of u.
  const gradient = (K: number) =>
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: K, maxLength: K }).map((g) => {
      const mean = g.reduce((a, b) => a + b, 0) / K;
      return Float64Array.from(g, (v) => v - mean);
    });
  const decrease = (g: Float64Array, q: Float64Array, s: Float64Array) =>
    g.reduce((sum, v, k) => sum + v * (Math.log(q[k]!) - Math.log(s[k]!)), 0);

  it("bounds the linear decrease towards every feasible prior", () => {
    fc.assert(
      fc.property(gradient(5), feasiblePoint(5), feasiblePoint(5), (g, q, s) => {
        expect(decrease(g, q, s)).toBeLessThanOrEqual(optimalityGap(g, q.map(Math.log), FLOOR) + 1e-12);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it("is attained: no smaller number would bound it", () => {
    fc.assert(
      fc.property(gradient(3), feasiblePoint(3), (g, q) => {
        let best = 0;
        for (let a = 0; a <= 200; a++) {
          for (let b = 0; a + b <= 200; b++) {
            const rest = 1 - 3 * FLOOR;
            const s = Float64Array.of(a, b, 200 - a - b).map((v) => FLOOR + (rest * v) / 200);
            best = Math.max(best, decrease(g, q, s));
          }
        }
        const gap = optimalityGap(g, q.map(Math.log), FLOOR);
        expect(gap - best).toBeLessThan(2e-3);
      }),
      { seed: 3, numRuns: 20 },
    );
  });
});
