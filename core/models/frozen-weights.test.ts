import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyClip } from "../../test/support/tiny-clip.ts";
import { createGraph, matrixProductFlops } from "../graph/index.ts";
import { compile } from "../runtime/index.ts";
import { openCheckpoint } from "./checkpoint/folder.ts";
import { frozenWeights } from "./frozen-weights.ts";
import { imageTower } from "./towers/index.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-weights-"));
});
afterAll(() => rm(dir, { recursive: true }));

/** Features of one image from a tiny checkpoint stored in the given type. */
async function features(dtype: "F32" | "F16" | "BF16"): Promise<Float32Array> {
  const folder = join(dir, dtype);
  await makeTinyClip(folder, { dtype });
  const { config, locate } = await openCheckpoint(folder);
  const { vision } = config;
  const g = createGraph();
  const pixels = g.input("pixels", "float32", [1, vision.channels, vision.imageSize, vision.imageSize]);
  const program = await compile(g, { features: imageTower(g, vision, frozenWeights(g, locate), pixels) });
  const size = vision.channels * vision.imageSize ** 2;
  const out = await program.run({ pixels: Float32Array.from({ length: size }, (_, i) => Math.sin(i)) });
  await program.release();
  return out.features as Float32Array;
}

describe("frozenWeights", () => {
  it.each([
    ["F16", 2e-2],
    ["BF16", 1e-1],
  ] as const)("reads %s in place and computes in float32", async (dtype, bound) => {
    const [half, full] = [await features(dtype), await features("F32")];
    const error = Math.hypot(...full.map((value, i) => value - half[i]!)) / Math.hypot(...full);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(bound);
  });

  it("computes the last block for the class token alone", () => {
    const shape = {
      width: 8,
      heads: 2,
      mlpWidth: 16,
      patchSize: 2,
      imageSize: 8,
      channels: 1,
      activation: "gelu",
      layerNormEps: 1e-5,
    };
    const flops = (layers: number) => {
      const g = createGraph();
      const weights = frozenWeights(g, () => ({
        file: "/x",
        offset: 0,
        length: 0,
        dtype: "float32",
        shape: [],
      }));
      return matrixProductFlops(g, [
        imageTower(g, { ...shape, layers }, weights, g.input("p", "float32", [1, 1, 8, 8])),
      ]);
    };
    // A whole block over 17 tokens: four projections, two attention products, two MLP products.
    const whole = 2 * 17 * (4 * 64 + 2 * 128) + 2 * 2 * 17 * 17 * 8;
    expect(flops(3) - flops(2)).toBe(whole);
    expect(flops(1)).toBeLessThan(whole);
  });
});
