import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createGraph } from "../../graph/index.ts";
import { compile } from "../../runtime/index.ts";
import { openCheckpoint } from "../checkpoint/folder.ts";
import { frozenWeights } from "../frozen-weights.ts";
import { openTokenizer } from "../tokenizer/index.ts";
import { imageTower, normalize, projectImage, textTower } from "./index.ts";

interface Golden {
  readonly pixels: { readonly shape: [number, number, number, number]; readonly values: number[] };
  readonly texts: string[];
  readonly ids: { readonly shape: [number, number]; readonly values: number[] };
  readonly outputs: Record<
    string,
    { pooled: number[]; imageFeatures: number[]; textFeatures: number[]; logitsPerImage: number[] }
  >;
}

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../test/fixtures/towers/${name}`, import.meta.url));
const golden = JSON.parse(readFileSync(fixture("golden.json"), "utf8")) as Golden;

/** ‖actual − expected‖ / ‖expected‖ */
function relativeError(actual: ArrayLike<number>, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  return Math.hypot(...expected.map((value, i) => actual[i]! - value)) / Math.hypot(...expected);
}

describe.each(Object.entries(golden.outputs))(
  "towers with %s against transformers",
  (activation, expected) => {
    it("give the same features and logits", async () => {
      const checkpoint = await openCheckpoint(fixture("clip"));
      const { vision, text, projectionDim } = checkpoint.config;
      const g = createGraph();
      const weights = frozenWeights(g, checkpoint.locate);
      const [count, length] = golden.ids.shape;
      const pooled = imageTower(
        g,
        { ...vision, activation },
        weights,
        g.input("pixels", "float32", golden.pixels.shape),
      );
      const image = projectImage(g, pooled, weights, projectionDim);
      const inputs = { ids: g.input("ids", "int64", [count, length]), eot: g.input("eot", "int64", [count]) };
      const texts = textTower(g, { ...text, activation }, weights, inputs, projectionDim);
      const logits = g.matmul(normalize(g, image), normalize(g, texts), {
        transB: true,
        alpha: Math.exp(checkpoint.logitScale),
      });
      const program = await compile(g, { pooled, image, texts, logits });
      const tokenizer = await openTokenizer(fixture("clip"), text.contextLength);
      const { eot } = tokenizer.encode(golden.texts);
      const out = await program.run({
        pixels: Float32Array.from(golden.pixels.values),
        ids: BigInt64Array.from(golden.ids.values, BigInt),
        eot: BigInt64Array.from(eot, BigInt),
      });
      await program.release();
      expect(relativeError(out.pooled as Float32Array, expected.pooled)).toBeLessThan(1e-5);
      expect(relativeError(out.image as Float32Array, expected.imageFeatures)).toBeLessThan(1e-5);
      expect(relativeError(out.texts as Float32Array, expected.textFeatures)).toBeLessThan(1e-5);
      expect(relativeError(out.logits as Float32Array, expected.logitsPerImage)).toBeLessThan(1e-5);
    });
  },
);

describe("the fixture", () => {
  it("tells the activations apart", () => {
    const { quick_gelu, gelu } = golden.outputs;
    expect(relativeError(quick_gelu!.pooled, gelu!.pooled)).toBeGreaterThan(1e-4);
  });
});
