import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { relativeError } from "../../test/support/parity.ts";
import { shardClip } from "../../test/support/shard-clip.ts";
import { makeTinyClip, type TinyClipOptions } from "../../test/support/tiny-clip.ts";
import { makeTinyOpenClip } from "../../test/support/tiny-open-clip.ts";
import { createGraph, matrixProductFlops } from "../graph/index.ts";
import { type CompileOptions, compile, type Program } from "../runtime/index.ts";
import { openCheckpoint } from "./checkpoint/folder.ts";
import { type FrozenWeightsOptions, frozenWeights } from "./frozen-weights.ts";
import { imageTower, projectImage, textTower } from "./towers/index.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-weights-"));
});
afterAll(() => rm(dir, { recursive: true }));

type Stored = "F32" | "F16" | "BF16";
const makers = {
  "Hugging Face": makeTinyClip,
  sharded: async (folder: string, options: TinyClipOptions) => {
    await makeTinyClip(folder, options);
    await shardClip(folder);
  },
  open_clip: makeTinyOpenClip,
};
type Layout = keyof typeof makers;

/** An image tower over a tiny checkpoint stored in the given type, compiled. */
async function tower(
  dtype: Stored,
  layout: Layout,
  options: FrozenWeightsOptions & CompileOptions = {},
): Promise<Program> {
  const folder = join(dir, `${layout}-${dtype}`);
  await makers[layout](folder, { dtype });
  const { config, locate } = await openCheckpoint(folder);
  const { vision, projectionDim } = config;
  const g = createGraph();
  const pixels = g.input("pixels", "float32", [1, vision.channels, vision.imageSize, vision.imageSize]);
  const weights = frozenWeights(g, locate, "", options);
  const features = projectImage(g, imageTower(g, vision, weights, pixels), weights, projectionDim);
  return compile(g, { features }, options);
}

async function run(program: Program): Promise<Float32Array> {
  const pixels = Float32Array.from({ length: 3 * 8 * 8 }, (_, i) => Math.sin(i));
  const { features } = await program.run({ pixels });
  return features as Float32Array;
}

async function features(...args: Parameters<typeof tower>): Promise<Float32Array> {
  const program = await tower(...args);
  const out = await run(program);
  await program.release();
  return out;
}

/** How often each operator ran in the second of two runs, by onnxruntime's own profile. */
async function operatorsOfOneRun(program: Program): Promise<Map<string, number>> {
  await run(program);
  await run(program);
  program.endProfiling();
  await program.release();
  const [file] = (await readdir(dir)).filter((name) => name.startsWith("profile"));
  const events = JSON.parse(await readFile(join(dir, file!), "utf8")) as {
    name: string;
    args?: { op_name?: string };
  }[];
  await rm(join(dir, file!));
  const counts = new Map<string, number>();
  for (const { name, args } of events) {
    const op = args?.op_name;
    if (op !== undefined && name.endsWith("_kernel_time")) counts.set(op, (counts.get(op) ?? 0) + 1 / 2);
  }
  return counts;
}

describe.each(Object.keys(makers) as Layout[])("frozenWeights of the %s layout", (layout) => {
  it.each([
    ["F16", 2e-3],
    ["BF16", 2e-2],
  ] as const)("reads %s in place and computes in float32", async (dtype, bound) => {
    const [half, full] = [await features(dtype, layout), await features("F32", "Hugging Face")];
    const error = relativeError(half, full);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(bound);
  });

  it.each(["F32", "F16", "BF16"] as const)(
    "of %s are widened and turned once, not in every run",
    async (dtype) => {
      const options = { profile: join(dir, "profile") };
      const ran = await operatorsOfOneRun(await tower(dtype, layout, options));
      expect(ran.get("Cast") ?? 0).toBe(0);
      // The patches', and per block one each for queries, keys, values and the mixed heads; less where they are fused.
      expect(ran.get("Transpose") ?? 0).toBeLessThanOrEqual(1 + 2 * 4);
      expect([...ran.keys()].some((op) => op.includes("MatMul"))).toBe(true);
      const plain = await operatorsOfOneRun(await tower("F32", "Hugging Face", options));
      expect(ran).toEqual(plain);
    },
  );

  it("keep float16 matrices where that is asked for, and give the same features to its precision", async () => {
    // Unoptimized: else onnxruntime drops the roundings that a processor without float16 products does not need.
    const kept = await features("F16", layout, { keepHalf: true, optimize: "none" });
    const error = relativeError(kept, await features("F16", layout));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(5e-3);
    expect(await features("F32", layout, { keepHalf: true })).toEqual(await features("F32", layout));
  });
});

describe("frozenWeights", () => {
  it("with keepHalf hold every matrix in float16 and nothing else", async () => {
    const folder = join(dir, "kept");
    await makeTinyClip(folder, { dtype: "F16" });
    const { config, locate } = await openCheckpoint(folder);
    const { vision, text, projectionDim } = config;
    const g = createGraph();
    const weights = frozenWeights(g, locate, "", { keepHalf: true });
    const pixels = g.input("pixels", "float32", [1, vision.channels, vision.imageSize, vision.imageSize]);
    const image = projectImage(g, imageTower(g, vision, weights, pixels), weights, projectionDim);
    const inputs = { ids: g.input("ids", "int64", [1, 4]), eot: g.input("eot", "int64", [1]) };
    const words = textTower(g, text, weights, inputs, projectionDim);
    expect([image.dtype, words.dtype]).toEqual(["float32", "float32"]);
    // Products with a weight: six per block and tower, the patches and two projections.
    const halfProducts = g.nodes.filter(
      ({ op, outputs }) => op.endsWith("MatMul") && outputs[0]!.dtype === "float16",
    );
    expect(halfProducts).toHaveLength(2 * 2 * 6 + 3);
    expect(g.nodes.filter(({ op, outputs }) => op === "Add" && outputs[0]!.dtype === "float16")).toEqual([]);
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
