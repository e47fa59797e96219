import { describe, expect, it } from "vitest";
import { lbfgs } from "./lbfgs.ts";

describe("lbfgs", () => {
  it("finds the bottom of Rosenbrock's valley", async () => {
    const { x, converged, iterations } = await lbfgs(
      async ([a, b]) => ({
        value: (1 - a!) ** 2 + 100 * (b! - a! ** 2) ** 2,
        gradient: Float64Array.of(-2 * (1 - a!) - 400 * a! * (b! - a! ** 2), 200 * (b! - a! ** 2)),
      }),
      Float64Array.of(-1.2, 1),
      { maxIterations: 200, tolerance: 1e-10 },
    );
    expect(converged).toBe(true);
    expect(iterations).toBeLessThan(100);
    expect(x[0]).toBeCloseTo(1, 8);
    expect(x[1]).toBeCloseTo(1, 8);
  });

  it("solves a quadratic of 30 dimensions and any conditioning", async () => {
    const scales = Array.from({ length: 30 }, (_, i) => 10 ** (i / 10));
    const { x, converged } = await lbfgs(
      async (at) => ({
        value: scales.reduce((sum, scale, i) => sum + (scale * (at[i]! - i) ** 2) / 2, 0),
        gradient: at.map((value, i) => scales[i]! * (value - i)),
      }),
      new Float64Array(30),
      { maxIterations: 500, tolerance: 1e-10 },
    );
    expect(converged).toBe(true);
    for (const [i, value] of x.entries()) expect(value).toBeCloseTo(i, 5);
  });

  it("does nothing at a minimum", async () => {
    const result = await lbfgs(async (at) => ({ value: 0, gradient: at.map(() => 0) }), Float64Array.of(3), {
      maxIterations: 10,
      tolerance: 1e-6,
    });
    expect(result).toMatchObject({ iterations: 0, converged: true });
  });
});
