import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holm } from "./holm.ts";

describe("holm", () => {
  it("gives the numbers worked out by hand", () => {
    // Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 = 0.02, 0.03, 0.06, 0.04; never falling: 0.02, 0.03, 0.06, 0.06.
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((p, i) => {
      expect(adjusted[i]).toBeCloseTo(p, 12);
    });
    expect(holm([0.4, 0.9])).toEqual([0.8, 0.9]);
    expect(holm([0.6, 0.9])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });

  it("lies between the p-values and Bonferroni's, in the same order", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (p) => {
        const adjusted = holm(p);
        p.forEach((own, i) => {
          expect(adjusted[i]).toBeGreaterThanOrEqual(own);
          expect(adjusted[i]).toBeLessThanOrEqual(Math.min(1, p.length * own));
          p.forEach((other, j) => {
            if (own < other) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j]!);
          });
        });
      }),
    );
  });

  it("refuses what is no p-value", () => {
    expect(() => holm([0.1, Number.NaN])).toThrow(/NaN is no p-value/);
    expect(() => holm([1.5])).toThrow(/1.5/);
  });
});
