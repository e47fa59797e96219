import { describe, expect, it } from "vitest";
import { createGraph, type Value } from "../../core/graph/index.ts";
import { paramCollector } from "../../core/models/classifier.ts";
import { compile } from "../../core/runtime/index.ts";
import { shape } from "../../test/support/adapted-tower.ts";
import { plugin as lora } from "./lora/index.ts";

describe("lora", () => {
  it("equals the merged weight W + (alpha / r) B A", async () => {
    const g = createGraph();
    const { declare, params } = paramCollector(g);
    const session = lora.begin({ ...shape, classes: 10 }, declare, {
      rank: 2,
      alpha: 3,
      attention: true,
      mlp: false,
      init: "lift",
    });
    const x = g.input("x", "float32", [1, 3, 8]);
    const w = g.constant(
      Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
      [8, 8],
    );
    const adaptedOutput = session.apply!(
      g,
      { name: "attn.q", block: 0, inWidth: 8, outWidth: 8 },
      x,
      g.linear(x, w),
    );
    const [a, b] = params.map(({ value }) => value) as [Value, Value];
    const merged = g.linear(x, g.add(w, g.mul(g.matmul(b, a), 1.5)));
    const program = await compile(g, { adaptedOutput, merged });
    const random = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.cos(2 * i));
    const out = await program.run({ x: random(24), [a.name]: random(16), [b.name]: random(16) });
    for (const [i, value] of (out.merged as Float32Array).entries())
      expect(out.adaptedOutput![i]).toBeCloseTo(value, 4);
    await program.release();
  });
});
