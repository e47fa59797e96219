import fc from "fast-check";
import { mean, sampleStandardDeviation } from "simple-statistics";
import { describe, expect, it } from "vitest";
import { regress } from "./regression.ts";

/** Least squares by the normal equations and Gauss–Jordan elimination; standard errors from the inverse. */
function byElimination(y: readonly number[], columns: readonly (readonly number[])[]) {
  const X = y.map((_, i) => [1, ...columns.map((column) => column[i]!)]);
  const p = X[0]!.length;
  const at = (f: (row: readonly number[], i: number) => number) =>
    X.reduce((sum, row, i) => sum + f(row, i), 0);
  const M = Array.from({ length: p }, (_, j) => [
    ...Array.from({ length: p }, (_, k) => at((row) => row[j]! * row[k]!)),
    ...Array.from({ length: p }, (_, k) => Number(j === k)),
  ]);
  for (let j = 0; j < p; j++) {
    const best = M.slice(j).reduce((b, row, o) => (Math.abs(row[j]!) > Math.abs(M[b]![j]!) ? j + o : b), j);
    [M[j], M[best]] = [M[best]!, M[j]!];
    M[j] = M[j]!.map((value) => value / M[j]![j]!);
    for (let k = 0; k < p; k++) if (k !== j) M[k] = M[k]!.map((value, c) => value - M[k]![j]! * M[j]![c]!);
  }
  const inverse = M.map((row) => row.slice(p));
  const moment = Array.from({ length: p }, (_, j) => at((row, i) => row[j]! * y[i]!));
  const beta = inverse.map((row) => row.reduce((sum, value, k) => sum + value * moment[k]!, 0));
  const rss = at((row, i) => (y[i]! - row.reduce((sum, value, k) => sum + value * beta[k]!, 0)) ** 2);
  const tss = y.reduce((sum, value) => sum + (value - mean([...y])) ** 2, 0);
  const errors = inverse.map((row, j) => Math.sqrt((row[j]! * rss) / (y.length - p)));
  return { beta, errors, r2: 1 - rss / tss };
}

const standardised = (x: readonly number[]) => {
  const [centre, spread] = [mean([...x]), sampleStandardDeviation([...x])];
  return x.map((value) => (value - centre) / spread);
};

const column = (n: number) =>
  fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: n, maxLength: n });

describe("regression on two standardised predictors", () => {
  it("is least squares", () => {
    fc.assert(
      fc.property(column(12), column(12), column(12), (y, x1, x2) => {
        fc.pre([y, x1, x2].every((x) => sampleStandardDeviation(x) > 0.1));
        const made = regress(y, x1, x2);
        fc.pre(made !== undefined && Math.abs(made.between!) < 0.99);
        const { beta, errors, r2 } = byElimination(y, [standardised(x1), standardised(x2)]);
        expect(made!.r2).toBeCloseTo(r2, 8);
        for (const j of [0, 1] as const) {
          const { value, low, high } = made!.coefficients[j]!;
          expect(value).toBeCloseTo(beta[j + 1]!, 8);
          // t with 12 − 3 degrees of freedom, from a table.
          expect((high - low) / 2).toBeCloseTo(2.262157 * errors[j + 1]!, 5);
          expect((high + low) / 2).toBeCloseTo(value, 10);
        }
      }),
    );
  });

  it("finds which of two correlated predictors it is", () => {
    const x1 = [0, 1, 2, 3, 4, 5, 6, 7];
    const x2 = [0, 2, 1, 3, 5, 4, 7, 6];
    const made = regress(
      x2.map((value) => 0.1 * value),
      x1,
      x2,
    )!;
    expect(made.coefficients[0]!.value).toBeCloseTo(0, 12);
    expect(made.coefficients[1]!.value).toBeCloseTo(0.1 * sampleStandardDeviation(x2), 12);
    expect(made.r2).toBeCloseTo(1, 12);
  });

  it("leaves a constant predictor out, and says nothing where nothing can be said", () => {
    const y = [0.1, 0.5, 0.2, 0.9, 0.4];
    const x = [1, 2, 3, 4, 5];
    const made = regress(y, [7, 7, 7, 7, 7], x)!;
    const { beta, errors, r2 } = byElimination(y, [standardised(x)]);
    expect(made.coefficients[0]).toBeUndefined();
    expect(made.coefficients[1]!.value).toBeCloseTo(beta[1]!, 10);
    expect(made.coefficients[1]!.high - made.coefficients[1]!.value).toBeCloseTo(3.182446 * errors[1]!, 5);
    expect([made.r2, made.between]).toEqual([expect.closeTo(r2, 10), undefined]);
    expect(regress(y, [7, 7, 7, 7, 7], [1, 1, 1, 1, 1])).toBeUndefined();
    expect(regress(y, x, [2, 4, 6, 8, 10])).toBeUndefined();
    expect(regress([0, 1, 0], [1, 2, 3], [3, 1, 2])).toBeUndefined();
    expect(regress([0.5, 0.5, 0.5, 0.5, 0.5], x, [1, 3, 2, 5, 4])).toMatchObject({
      r2: undefined,
      coefficients: [{ value: 0 }, { value: 0 }],
    });
  });
});
