import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type GoldenArray, unpackFloat32 } from "../../../test/support/golden-array.ts";
import { expectParity, relativeError } from "../../../test/support/parity.ts";
import { differentiate } from "../../autodiff/index.ts";
import { createGraph, type Value } from "../../graph/index.ts";
import { compile, type Feeds } from "../../runtime/index.ts";
import { type ClipCheckpoint, openCheckpoint } from "../checkpoint/folder.ts";
import { frozenWeights } from "../frozen-weights.ts";
import { imageTower, normalize, projectImage, textTower, type Weights } from "./index.ts";

interface Texts {
  readonly ids: readonly (readonly number[])[];
  readonly eot: readonly number[];
  readonly features: GoldenArray;
}

interface Golden {
  readonly reference: string;
  readonly pixels: GoldenArray;
  readonly pooled: GoldenArray;
  readonly imageFeatures: GoldenArray;
  /** Batches of several lengths; `logits` are those of the first. */
  readonly texts: readonly Texts[];
  readonly logits: GoldenArray;
  readonly direction: GoldenArray;
  /** Of Σ pooled · direction. */
  readonly gradients: Readonly<Record<string, GoldenArray>>;
}

const fixtures = fileURLToPath(new URL("../../../test/fixtures/towers/", import.meta.url));
const FEATURES = 1e-4;
const GRADIENTS = 1e-3;

async function open(name: string): Promise<{ checkpoint: ClipCheckpoint; golden: Golden }> {
  const golden = JSON.parse(readFileSync(`${fixtures}/${name}/golden.json`, "utf8")) as Golden;
  return { checkpoint: await openCheckpoint(`${fixtures}/${name}`), golden };
}

function encodeTexts(
  name: string,
  { ids, eot }: Texts,
): { feeds: Feeds; inputs: (g: ReturnType<typeof createGraph>) => { ids: Value; eot: Value } } {
  const shape = [ids.length, ids[0]!.length];
  return {
    feeds: {
      [`${name}.ids`]: BigInt64Array.from(ids.flat(), BigInt),
      [`${name}.eot`]: BigInt64Array.from(eot, BigInt),
    },
    inputs: (g) => ({
      ids: g.input(`${name}.ids`, "int64", shape),
      eot: g.input(`${name}.eot`, "int64", [ids.length]),
    }),
  };
}

describe.each(["quick-gelu", "gelu", "one-layer-grey", "float16", "bfloat16"])("the towers of %s", (name) => {
  it("give the features and logits of transformers", async () => {
    const { checkpoint, golden } = await open(name);
    const { vision, text, projectionDim } = checkpoint.config;
    const g = createGraph();
    const weights = frozenWeights(g, checkpoint.locate);
    const pooled = imageTower(g, vision, weights, g.input("pixels", "float32", golden.pixels.shape));
    const image = projectImage(g, pooled, weights, projectionDim);
    const encoded = golden.texts.map((texts, i) => encodeTexts(`texts${i}`, texts));
    const texts = encoded.map(({ inputs }) => textTower(g, text, weights, inputs(g), projectionDim));
    const logits = g.matmul(normalize(g, image), normalize(g, texts[0]!), {
      transB: true,
      alpha: Math.exp(checkpoint.logitScale),
    });
    const named = Object.fromEntries(texts.map((value, i) => [`text ${i}`, value]));
    const program = await compile(g, { pooled, image, logits, ...named }, { threads: 1 });
    const feeds = Object.assign({}, ...encoded.map((texts) => texts.feeds)) as Feeds;
    const out = await program.run({ pixels: unpackFloat32(golden.pixels.data), ...feeds });
    await program.release();

    const check = (module: string, what: string, output: string, expected: GoldenArray) =>
      expectParity({
        module,
        what: `${name}, ${what}`,
        reference: golden.reference,
        actual: out[output] as Float32Array,
        expected: unpackFloat32(expected.data),
        tolerance: FEATURES,
      });
    check("image tower", "pooled", "pooled", golden.pooled);
    check("image tower", "projected", "image", golden.imageFeatures);
    for (const [i, { ids, features }] of golden.texts.entries())
      check("text tower", `${ids[0]!.length} tokens`, `text ${i}`, features);
    check("zero-shot logits", "scaled cosines", "logits", golden.logits);
  });

  it("have the gradients of torch", async () => {
    const { checkpoint, golden } = await open(name);
    const { vision } = checkpoint.config;
    const g = createGraph();
    const frozen = frozenWeights(g, checkpoint.locate);
    const wanted = Object.keys(golden.gradients);
    const trained = new Map<string, Value>();
    const weights: Weights = (tensor, shape, view = shape) => {
      if (!wanted.includes(tensor)) return frozen(tensor, shape, view);
      const value = trained.get(tensor) ?? g.input(tensor, "float32", shape);
      trained.set(tensor, value);
      return view === shape ? value : g.reshape(value, view);
    };
    const pixels = g.input("pixels", "float32", golden.pixels.shape);
    const pooled = imageTower(g, vision, weights, pixels);
    const { shape, data } = golden.direction;
    const loss = g.reduceSum(g.mul(pooled, g.constant(unpackFloat32(data), shape, "float32")));
    const values = wanted.map((tensor) => (tensor === "pixels" ? pixels : trained.get(tensor)!));
    const gradients = differentiate(g, loss, values);
    const program = await compile(
      g,
      Object.fromEntries(wanted.map((key, i) => [`d ${key}`, gradients[i]!])),
      {
        threads: 1,
      },
    );
    const feeds: Record<string, Float32Array> = { pixels: unpackFloat32(golden.pixels.data) };
    for (const tensor of trained.keys()) feeds[tensor] = await checkpoint.weights.read(tensor);
    const out = await program.run(feeds);
    await program.release();
    for (const [tensor, expected] of Object.entries(golden.gradients)) {
      expectParity({
        module: "image tower gradients",
        what: `${name}, ${tensor.replace("vision_model.", "")}`,
        reference: `torch autograd, ${golden.reference}`,
        actual: out[`d ${tensor}`] as Float32Array,
        expected: unpackFloat32(expected.data),
        tolerance: GRADIENTS,
      });
    }
  });
});

describe("the activation", () => {
  it("is told apart by these fixtures", async () => {
    const { checkpoint, golden } = await open("gelu");
    const g = createGraph();
    const shape = { ...checkpoint.config.vision, activation: "quick_gelu" };
    const pixels = g.input("pixels", "float32", golden.pixels.shape);
    const pooled = imageTower(g, shape, frozenWeights(g, checkpoint.locate), pixels);
    const program = await compile(g, { pooled }, { threads: 1 });
    const out = await program.run({ pixels: unpackFloat32(golden.pixels.data) });
    await program.release();
    const error = relativeError(out.pooled as Float32Array, unpackFloat32(golden.pooled.data));
    expect(error).toBeGreaterThan(10 * FEATURES);
  });
});
