import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type Case, cases, type Draw } from "../../test/support/gradient-cases.ts";
import { createGraph, sizeOf, UnknownOpError } from "../graph/index.ts";
import { compile } from "../runtime/index.ts";
import { differentiate, rules } from "./index.ts";

/** Deterministic numbers from a seed, kept apart from each other and from zero as the case needs. */
function drawValues(size: number, seed: number, draw: Draw): Float64Array {
  const raw = Float64Array.from({ length: size }, (_, i) => Math.sin(seed * 12.9898 + i * 78.233) * 1.7);
  if (draw === "positive") return raw.map((x) => 0.4 + Math.abs(x));
  if (draw === "nonzero") return raw.map((x) => x + (x < 0 ? -0.3 : 0.3));
  // Every two values differ by at least 0.05, so that a maximum stays the maximum under the differences.
  if (draw === "spread") return raw.map((_, i) => ((i * 7 + seed * 3) % 41) * 0.11 - 2 + (seed % 7) * 0.013);
  return raw;
}

/** In float64, or in float32 where the operator has no float64 kernel (then with wider steps and a wider bound). */
async function checkGradient(testCase: Case, seed: number): Promise<void> {
  const { shapes, build, draw = "any", single = false } = testCase;
  const g = createGraph({ floatType: single ? "float32" : "float64" });
  const wide = single ? "float32" : "float64";
  const inputs = shapes.map((s, i) => g.input(`x${i}`, wide, s));
  const flat = g.cast(build(g, inputs), wide);
  const weights = drawValues(sizeOf(flat.shape), seed + 99, "any");
  const mix = g.constant(single ? Float32Array.from(weights) : weights, flat.shape, wide);
  const loss = g.reduceSum(g.mul(flat, mix));
  const gradients = differentiate(g, loss, inputs);
  const program = await compile(
    g,
    Object.fromEntries([["y", flat], ...gradients.map((gradient, i) => [`d${i}`, gradient] as const)]),
    { optimize: "none", threads: 1 },
  );
  try {
    const values = shapes.map((s, i) => drawValues(sizeOf(s), seed + i * 17, draw));
    const feed = (list: readonly Float64Array[]) =>
      Object.fromEntries(list.map((v, i) => [`x${i}`, single ? Float32Array.from(v) : v]));
    const lossAt = async (list: readonly Float64Array[]) => {
      const { y: out } = await program.run(feed(list));
      return Array.from(out as Float64Array).reduce((sum, v, i) => sum + v * weights[i]!, 0);
    };
    const result = await program.run(feed(values));
    const h = single ? 2e-2 : 1e-5;
    for (const [i, value] of values.entries()) {
      const gradient = result[`d${i}`] as Float64Array;
      for (let j = 0; j < Math.min(value.length, 6); j++) {
        const moved = async (by: number) => {
          const copy = values.map((v) => Float64Array.from(v));
          copy[i]![j]! += by;
          return lossAt(copy);
        };
        // Fourth-order central difference.
        const numeric =
          (8 * ((await moved(h)) - (await moved(-h))) - ((await moved(2 * h)) - (await moved(-2 * h)))) /
          (12 * h);
        const error = Math.abs(numeric - gradient[j]!) / (1 + Math.abs(numeric));
        expect(error, `input ${i}[${j}]: rule ${gradient[j]}, differences ${numeric}`).toBeLessThan(
          single ? 2e-4 : 1e-7,
        );
      }
    }
  } finally {
    await program.release();
  }
}

const seed = Number(process.env.TEST_SEED ?? Date.now() & 0xffff);
afterAll(() => console.info(`gradient checks: TEST_SEED=${seed}`));

describe("gradient rules against central differences", () => {
  for (const [op, arbitrary] of Object.entries(cases)) {
    it(op, async () => {
      await fc.assert(
        fc.asyncProperty(arbitrary, fc.nat(1000), (testCase, s) => checkGradient(testCase, s)),
        { numRuns: 12, seed },
      );
    });
  }

  it("has a case for every rule that returns a gradient", () => {
    const withoutGradient = [
      "Sign",
      "Floor",
      "Ceil",
      "Equal",
      "Greater",
      "GreaterOrEqual",
      "Less",
      "LessOrEqual",
      "ArgMax",
    ];
    expect(Object.keys(rules).sort()).toEqual([...Object.keys(cases), ...withoutGradient].sort());
  });

  it("adds up the uses of a value", async () => {
    await checkGradient(
      { shapes: [[2, 3]], build: (g, [x]) => g.mul(g.add(x!, g.exp(x!)), g.softmax(x!)) },
      seed,
    );
  });
});

describe("differentiate", () => {
  it("leaves frozen weights alone", () => {
    const g = createGraph();
    const x = g.input("x", "float32", [2, 3]);
    const frozen = g.constant(new Float32Array(60), [20, 3]);
    const bias = g.input("bias", "float32", [20]);
    const loss = g.reduceSum(g.linear(g.linear(x, frozen, bias), g.constant(new Float32Array(60), [3, 20])));
    const before = g.nodes.length;
    differentiate(g, loss, [bias]);
    const touched = g.nodes.slice(before).flatMap((node) => node.outputs.map((value) => value.shape.join()));
    expect(touched).not.toContain("20,3");
  });

  it("names an operator without a rule and lists the rules there are", () => {
    const g = createGraph();
    const x = g.input("x", "float32", [2]);
    const loss = g.reduceSum(g.exp(x));
    const { Exp: _, ...rest } = rules;
    expect(() => differentiate(g, loss, [x], { rules: rest })).toThrowError(UnknownOpError);
    try {
      differentiate(g, loss, [x], { rules: rest });
    } catch (error) {
      expect((error as UnknownOpError).oneLine).toMatch(/Exp.*MatMul.*Softmax/);
    }
  });

  it("gives zeros for a value the loss does not depend on", async () => {
    const g = createGraph();
    const [x, other] = [g.input("x", "float32", [2]), g.input("other", "float32", [3])];
    const [gradient] = differentiate(g, g.reduceSum(x), [other]);
    const program = await compile(g, { gradient: gradient! });
    expect((await program.run({})).gradient).toEqual(new Float32Array(3));
    await program.release();
  });

  it("refuses a loss that is not a single number", () => {
    const g = createGraph();
    const x = g.input("x", "float32", [2]);
    expect(() => differentiate(g, x, [x])).toThrowError(/float32\[2\].*single number/);
  });
});
