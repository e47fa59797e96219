import { describe, expect, it } from "vitest";
import { createGraph } from "../../graph/index.ts";
import { graphMemory } from "./live-bytes.ts";

const F = 4;

describe("graphMemory", () => {
  it("takes memory where a value is made and gives it back after its last use", () => {
    const g = createGraph();
    const x = g.input("x", "float32", [10, 1]);
    const wide = g.matmul(x, g.constant(new Float32Array(100), [1, 100]));
    const back = g.matmul(wide, g.constant(new Float32Array(100), [100, 1]));
    const narrow = g.matmul(back, g.constant([1], [1, 1]));
    // x, the wide product and the one made from it; then the wide one is gone.
    expect(graphMemory(g, [narrow])).toEqual({ weights: 201 * F, live: (10 + 1000 + 10) * F });
  });

  it("keeps what is read later: a backward pass keeps activations", () => {
    const g = createGraph();
    const x = g.input("x", "float32", [50, 2]);
    const a = g.matmul(x, g.constant([1, 2, 3, 4], [2, 2]));
    const b = g.matmul(a, g.constant([1, 2, 3, 5], [2, 2]));
    const c = g.matmul(b, g.constant([1, 2, 3, 6], [2, 2]));
    const chain = graphMemory(g, [c]);
    const kept = graphMemory(g, [g.matmul(c, a, { transB: true })]);
    expect(chain.live).toBe(300 * F);
    // x, a, c and the product [50, 50].
    expect(kept.live).toBe((300 + 2500) * F);
  });

  it("computes elementwise in place and views for nothing", () => {
    const g = createGraph();
    const x = g.input("x", "float32", [100]);
    const own = g.matmul(g.reshape(x, [100, 1]), g.constant([2], [1, 1]));
    const y = g.reshape(g.sqrt(g.add(g.reshape(own, [10, 10]), 1)), [100]);
    expect(graphMemory(g, [y]).live).toBe(200 * F);
    // Not where the input is still read.
    expect(graphMemory(g, [g.add(g.sqrt(own), own)]).live).toBe(300 * F);
  });

  it("counts a weight per product that lays it out, as wide as it is computed with, and none that is not read", () => {
    const g = createGraph();
    const file = { kind: "file", file: "/w", offset: 0, length: 8 } as const;
    const w = g.cast(g.initializer("w", "float16", [2, 2], file), "float32");
    g.initializer("unused", "float32", [1000], file);
    const x = g.input("x", "float32", [1, 2]);
    const once = g.matmul(x, w);
    expect(graphMemory(g, [once]).weights).toBe(4 * F);
    expect(graphMemory(g, [g.matmul(once, w, { transB: true })]).weights).toBe(2 * 4 * F);
    const bias = g.initializer("bias", "float32", [1, 2], file);
    expect(graphMemory(g, [g.add(g.add(x, bias), bias)]).weights).toBe(2 * F);
  });
});
