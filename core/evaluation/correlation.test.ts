import { describe, expect, it } from "vitest";
import { klDivergence, pearson, spearman } from "./index.ts";

describe("spearman", () => {
  it("averages tied ranks", () => {
    // Ranks of x 1, 2.5, 2.5, 4 and of y 1, 3, 2, 4: Pearson of those is 4.5 / √(4.5 · 5).
    expect(spearman([1, 5, 5, 9], [10, 30, 20, 40])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12);
    expect(spearman([5, 1, 9, 5], [30, 10, 40, 20])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12);
  });

  it("sees order alone, and is undefined where there is none", () => {
    const x = [3, 1, 4, 1.5, 9];
    expect(spearman(x, x.map(Math.exp))).toBeCloseTo(1, 12);
    expect(
      spearman(
        x,
        x.map((v) => -(v ** 3)),
      ),
    ).toBeCloseTo(-1, 12);
    expect(spearman([2, 2, 2], [1, 2, 3])).toBeUndefined();
    expect(spearman([1], [2])).toBeUndefined();
    expect(() => spearman([1, 2], [1])).toThrow(/2 values against 1/);
  });
});

describe("pearson", () => {
  it("is exact on a line and known on a triangle", () => {
    expect(pearson([1, 2, 3], [2, 4, 6])).toBe(1);
    expect(pearson([1, 2, 3], [1, 3, 2])).toBeCloseTo(0.5, 12);
  });
});

describe("klDivergence", () => {
  it("is zero for proportional inputs, and handles zeros on either side", () => {
    expect(klDivergence([1, 2, 3], [2, 4, 6])).toBeCloseTo(0, 15);
    expect(klDivergence([1, 0], [1, 1])).toBeCloseTo(Math.LN2, 12);
    expect(klDivergence([1, 1], [1, 0])).toBe(Number.POSITIVE_INFINITY);
    expect(() => klDivergence([-1, 2], [1, 1])).toThrow(/not a distribution/);
  });
});
