import { describe, expect, it } from "vitest";
import { differentiate } from "../../core/autodiff/index.ts";
import { createGraph, type Graph, sizeOf, type Value } from "../../core/graph/index.ts";
import { paramCollector } from "../../core/models/classifier.ts";
import { imageTower, unchanged, type Weights } from "../../core/models/towers/index.ts";
import type { PeftPlugin } from "../../core/plugin-api/index.ts";
import { compile } from "../../core/runtime/index.ts";
import { initParams } from "../../core/training/params.ts";
import { uniformFrom } from "../../core/training/random.ts";
import { plugin as adaptformer, defaultBottleneck } from "./adaptformer/index.ts";
import { plugin as lora } from "./lora/index.ts";

const shape = {
  width: 8,
  layers: 2,
  heads: 2,
  mlpWidth: 16,
  patchSize: 2,
  imageSize: 4,
  channels: 1,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
};
const BATCH = 2;

const randomWeights = (g: Graph): Weights => {
  const made = new Map<string, Value>();
  return (name, dims, view = dims) => {
    const uniform = uniformFrom(3, name);
    const value =
      made.get(name) ??
      g.constant(
        Float32Array.from({ length: sizeOf(view) }, () => uniform() - 0.5),
        view,
      );
    made.set(name, value);
    return value;
  };
};
const pixels = Float32Array.from({ length: BATCH * 16 }, (_, i) => Math.sin(i));

/** Features of the tower with a method, the parameters it declared, and its gradients. */
async function adapted(
  plugin: PeftPlugin | undefined,
  options: object,
  change: (name: string, values: Float32Array) => void = () => {},
) {
  const g = createGraph();
  const { declare, params } = paramCollector(g);
  const session = plugin?.begin({ ...shape, classes: 100 }, declare, options as never);
  const features = imageTower(
    g,
    shape,
    randomWeights(g),
    g.input("pixels", "float32", [BATCH, 1, 4, 4]),
    session ? session.apply.bind(session, g) : unchanged,
  );
  const values = initParams(
    params.map(({ name, value, init }) => ({ name, shape: value.shape, init })),
    0,
  );
  for (const [name, own] of values) change(name, own);
  const mix = g.constant(
    Float32Array.from({ length: BATCH * shape.width }, (_, i) => Math.cos(i)),
    [BATCH, shape.width],
  );
  const gradients = differentiate(
    g,
    g.reduceSum(g.mul(features, mix)),
    params.map(({ value }) => value),
  );
  const program = await compile(
    g,
    { features, ...Object.fromEntries(params.map(({ name }, i) => [`d ${name}`, gradients[i]!])) },
    { threads: 1 },
  );
  const out = await program.run({ pixels, ...Object.fromEntries(values) });
  await program.release();
  return {
    features: out.features as Float32Array,
    values,
    gradient: (name: string) => out[`d ${name}`] as Float32Array,
  };
}

describe.each([
  {
    name: "adaptformer",
    plugin: adaptformer as PeftPlugin,
    options: { bottleneck: 3 },
    zero: "adaptformer.0.up.weight",
    count: 2 * (16 + 24 + 3 + 24 + 8 + 1),
  },
  {
    name: "lora",
    plugin: lora as unknown as PeftPlugin,
    options: { rank: 2, alpha: 1, mlp: false },
    zero: "lora.0.attn.q.b",
    count: 2 * 2 * (16 + 16),
  },
  {
    name: "lora with MLP",
    plugin: lora as unknown as PeftPlugin,
    options: { rank: 2, alpha: 1, mlp: true },
    zero: "lora.0.mlp.fc1.b",
    count: 2 * (2 * 32 + 2 * (16 + 32)),
  },
])("$name", ({ plugin, options, zero, count }) => {
  it("leaves the model as it is at the start", async () => {
    const { features } = await adapted(plugin, options);
    const plain = await adapted(undefined, {});
    for (const [i, value] of plain.features.entries()) expect(features[i]).toBeCloseTo(value, 5);
  });

  it("has the expected parameters, and a gradient reaches those that start at zero", async () => {
    const { values, gradient } = await adapted(plugin, options);
    expect([...values.values()].reduce((sum, { length }) => sum + length, 0)).toBe(count);
    expect(values.get(zero)!.every((value) => value === 0)).toBe(true);
    expect(gradient(zero).some((value) => Math.abs(value) > 1e-6)).toBe(true);
  });

  it("changes the model once its parameters are not zero", async () => {
    const { features } = await adapted(plugin, options, (_, values) =>
      values.forEach((value, i) => {
        values[i] = value + Math.sin(5 * i);
      }),
    );
    const plain = await adapted(undefined, {});
    expect(Math.max(...features.map((value, i) => Math.abs(value - plain.features[i]!)))).toBeGreaterThan(
      1e-2,
    );
  });
});

describe("adaptformer", () => {
  it("has LIFT's default bottleneck", () => {
    // Places365-LT, ImageNet-LT, iNaturalist 2018 and CIFAR-100 with ViT-B/16.
    expect([365, 1000, 8142, 100].map((classes) => defaultBottleneck(classes, 12))).toEqual([8, 32, 256, 4]);
  });
});

describe("lora", () => {
  it("equals the merged weight W + (alpha / r) B A", async () => {
    const g = createGraph();
    const { declare, params } = paramCollector(g);
    const session = lora.begin({ ...shape, classes: 10 }, declare, { rank: 2, alpha: 3, mlp: false });
    const x = g.input("x", "float32", [1, 3, 8]);
    const w = g.constant(
      Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
      [8, 8],
    );
    const adaptedOutput = session.apply(
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
