import fc from "fast-check";
import { expect, test } from "vitest";
import { classSpread } from "./spread.ts";

/** By definition, distances written out. */
function direct(rows: readonly number[][], labels: readonly number[]) {
  const unit = rows.map((row) => row.map((value) => value / Math.hypot(...row)));
  const mean = (list: readonly number[][]) =>
    list[0]!.map((_, d) => list.reduce((sum, row) => sum + row[d]!, 0) / list.length);
  const distance = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, d) => sum + (value - b[d]!) ** 2, 0);
  const own = [...new Set(labels)].map((k) => unit.filter((_, i) => labels[i] === k));
  const means = own.map(mean);
  const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    within: average(own.map((list, k) => average(list.map((row) => distance(row, means[k]!))))),
    between: average(means.map((centre) => distance(centre, mean(means)))),
  };
}

test("equals the distances written out, whatever the scale of a feature", () => {
  const value = fc.double({ min: 0.1, max: 3, noNaN: true });
  const sample = fc.tuple(fc.array(value, { minLength: 3, maxLength: 3 }), fc.nat(3));
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 30 }), (samples) => {
      const rows = samples.map(([row]) => row);
      const labels = samples.map(([, label]) => label);
      const found = classSpread(Float32Array.from(rows.flat()), labels, 4, 3);
      const expected = direct(rows, labels);
      expect(found.within).toBeCloseTo(expected.within, 5);
      expect(found.between).toBeCloseTo(expected.between, 5);
    }),
  );
});

test("refuses features that are not of the width given", () => {
  expect(() => classSpread(new Float32Array(5), [0, 1], 2, 3)).toThrow("no 2 features of width 3");
});
