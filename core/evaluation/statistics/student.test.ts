import { describe, expect, it } from "vitest";
import { studentInterval, studentQuantile } from "./student.ts";

describe("studentQuantile", () => {
  // Printed in any table of the t distribution (two-sided 95 % and 99 %).
  it.each([
    [0.95, 1, 12.706],
    [0.95, 2, 4.303],
    [0.95, 3, 3.182],
    [0.95, 4, 2.776],
    [0.95, 5, 2.571],
    [0.95, 30, 2.042],
    [0.99, 1, 63.657],
    [0.99, 7, 3.499],
    [0.99, 10, 3.169],
  ])("level %d, %d degrees of freedom: %d", (level, nu, t) => {
    expect(studentQuantile(level, nu)).toBeCloseTo(t, 3);
  });
});

describe("studentInterval", () => {
  it("is the mean ± t·s/√n", () => {
    const { value, low, high, n } = studentInterval([1, 2, 3])!;
    expect([value, n]).toEqual([2, 3]);
    expect(high! - 2).toBeCloseTo(4.3027 / Math.sqrt(3), 4);
    expect(2 - low!).toBeCloseTo(4.3027 / Math.sqrt(3), 4);
  });

  it("has no bounds for one value and is undefined for none", () => {
    expect(studentInterval([0.5])).toEqual({ value: 0.5, n: 1 });
    expect(studentInterval([])).toBeUndefined();
  });
});
