import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { differentiate } from "../../core/autodiff/index.ts";
import { createGraph, type Value } from "../../core/graph/index.ts";
import { classifier, paramCollector } from "../../core/models/classifier.ts";
import { frozenWeights } from "../../core/models/frozen-weights.ts";
import { readWeight } from "../../core/models/read-weight.ts";
import { compile } from "../../core/runtime/index.ts";
import { finetune } from "../../core/training/finetune.ts";
import { sgd } from "../../core/training/optimizers/index.ts";
import { initParams } from "../../core/training/params.ts";
import { choosePefts, type PeftChoice } from "../../test/support/choose-peft.ts";
import { type RandomTower, randomTower } from "../../test/support/random-tower.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { plugin as lora } from "./lora/index.ts";
import { defaultBottleneck } from "./shared/bottleneck.ts";

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
const pixels = Float32Array.from({ length: BATCH * 16 }, (_, i) => Math.sin(i));

let tower: RandomTower;
beforeAll(async () => {
  tower = await randomTower(shape);
});
afterAll(() => tower.remove());

/** The tower with methods, in a graph of its own. */
async function build(peft: readonly PeftChoice[]) {
  const g = createGraph();
  const model = classifier(g, g.input("pixels", "float32", [BATCH, 1, 4, 4]), {
    shape,
    weights: frozenWeights(g, tower.locate),
    locate: tower.locate,
    classes: 100,
    peft: await choosePefts(peft),
    headInit: new Float32Array(100 * shape.width),
    headScale: 25,
  });
  return { g, ...model, params: model.params.filter(({ name }) => name !== "head.weight") };
}

/** Features of the tower with methods, the parameters they have, and the gradients of those. */
async function adapted(
  peft: readonly PeftChoice[],
  change: (name: string, values: Float32Array) => void = () => {},
) {
  const { g, features, params } = await build(peft);
  const values = await initParams(
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

const count = (values: ReadonlyMap<string, Float32Array>) =>
  [...values.values()].reduce((sum, { length }) => sum + length, 0);
const layers = "vision_model.encoder.layers";
const [NORMS, ATTENTION, MLP] = [2 * 2 * 8, 4 * (64 + 8), 128 + 16 + 128 + 8];

/** `reached` is a parameter whose gradient is not zero at the start. */
describe.each<{
  name: string;
  peft: readonly PeftChoice[];
  reached: string;
  count: number;
  identity: boolean;
}>([
  {
    name: "adaptformer",
    peft: [{ use: "adaptformer", bottleneck: 3 }],
    reached: "adaptformer.0.up.weight",
    count: 2 * (16 + 24 + 3 + 24 + 8 + 1),
    identity: true,
  },
  {
    name: "adapter",
    peft: [{ use: "adapter", bottleneck: 3 }],
    reached: "adapter.0.up.weight",
    count: 2 * (16 + 24 + 3 + 24 + 8),
    identity: true,
  },
  {
    name: "lora",
    peft: [{ use: "lora", rank: 2 }],
    reached: "lora.0.attn.q.b",
    count: 2 * 2 * (16 + 16),
    identity: true,
  },
  {
    name: "lora with MLP, as peft starts it",
    peft: [{ use: "lora", rank: 2, mlp: true, init: "peft" }],
    reached: "lora.0.mlp.fc1.b",
    count: 2 * (2 * 32 + 2 * (16 + 32)),
    identity: true,
  },
  {
    name: "lora of the last block",
    peft: [{ use: "lora", rank: 2, blocks: 1 }],
    reached: "lora.1.attn.v.b",
    count: 2 * 32,
    identity: true,
  },
  {
    name: "vpt-shallow",
    peft: [{ use: "vpt-shallow", tokens: 3 }],
    reached: "vpt-shallow.tokens",
    count: 3 * 8,
    identity: false,
  },
  {
    name: "vpt-deep",
    peft: [{ use: "vpt-deep", tokens: 3 }],
    reached: "vpt-deep.1.tokens",
    count: 2 * 3 * 8,
    identity: false,
  },
  {
    name: "ssf",
    peft: [{ use: "ssf" }],
    reached: "ssf.0.attn.v.scale",
    count: 2 * 2 * (2 * 8 + 4 * 8 + 16 + 8),
    identity: false,
  },
  {
    name: "ssf of the MLP",
    peft: [{ use: "ssf", attention: false, layerNorm: false }],
    reached: "ssf.1.mlp.fc1.shift",
    count: 2 * 2 * (16 + 8),
    identity: false,
  },
  {
    name: "bias",
    peft: [{ use: "bias" }],
    reached: `${layers}.0.mlp.fc1.bias`,
    count: 2 * (2 * 8 + 4 * 8 + 16 + 8),
    identity: true,
  },
  {
    name: "layer-norm",
    peft: [{ use: "layer-norm" }],
    reached: `${layers}.0.layer_norm1.weight`,
    count: 2 * NORMS,
    identity: true,
  },
  {
    name: "last-k",
    peft: [{ use: "last-k" }],
    reached: `${layers}.1.self_attn.k_proj.weight`,
    count: NORMS + ATTENTION + MLP,
    identity: true,
  },
  {
    name: "full",
    peft: [{ use: "full" }],
    reached: `${layers}.0.self_attn.k_proj.weight`,
    count: 2 * (NORMS + ATTENTION + MLP),
    identity: true,
  },
  {
    name: "adaptformer, lora and layer-norm",
    peft: [{ use: "adaptformer", bottleneck: 3 }, { use: "lora", rank: 2 }, { use: "layer-norm" }],
    reached: `${layers}.1.layer_norm2.bias`,
    count: 2 * (16 + 24 + 3 + 24 + 8 + 1) + 2 * 2 * (16 + 16) + 2 * NORMS,
    identity: true,
  },
])("$name", ({ peft, reached, count: expected, identity }) => {
  it(identity ? "leaves the model as it is at the start" : "starts elsewhere than the model", async () => {
    const { features } = await adapted(peft);
    const plain = await adapted([]);
    const distance = Math.max(...features.map((value, i) => Math.abs(value - plain.features[i]!)));
    if (identity) expect(distance).toBeLessThan(5e-6);
    else expect(distance).toBeGreaterThan(1e-4);
  });

  it("has the expected parameters, and a gradient reaches them", async () => {
    const { values, gradient } = await adapted(peft);
    expect(count(values)).toBe(expected);
    expect(gradient(reached).some((value) => Math.abs(value) > 1e-6)).toBe(true);
  });

  it("changes the model once its parameters are others", async () => {
    const { features } = await adapted(peft, (_, values) =>
      values.forEach((value, i) => {
        values[i] = value + Math.sin(5 * i);
      }),
    );
    const plain = await adapted([]);
    expect(Math.max(...features.map((value, i) => Math.abs(value - plain.features[i]!)))).toBeGreaterThan(
      1e-2,
    );
  });
});

describe("starting values", () => {
  it("are LIFT's", async () => {
    const { values } = await adapted([
      { use: "adaptformer", bottleneck: 64 },
      { use: "lora", rank: 64 },
      { use: "vpt-shallow", tokens: 100 },
      { use: "ssf" },
    ]);
    const of = (pattern: RegExp) => {
      const own = [...values].filter(([name]) => pattern.test(name)).flatMap(([, data]) => [...data]);
      const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
      const square = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
      return { mean, std: Math.sqrt(square), largest: Math.max(...own.map(Math.abs)), size: own.length };
    };
    // Four standard errors of a standard deviation.
    const near = (std: number, size: number) => [
      std * (1 - 4 / Math.sqrt(2 * size)),
      std * (1 + 4 / Math.sqrt(2 * size)),
    ];
    const expectStd = (pattern: RegExp, std: number) => {
      const measured = of(pattern);
      const [low, high] = near(std, measured.size) as [number, number];
      expect(measured.std).toBeGreaterThan(low);
      expect(measured.std).toBeLessThan(high);
      return measured;
    };
    expectStd(/down\.weight/, Math.sqrt(2 / 6 / 8));
    expectStd(/ssf.*scale/, 0.02);
    expectStd(/ssf.*shift/, 0.02);
    expect(of(/ssf.*scale/).mean).toBeCloseTo(1, 2);
    const a = expectStd(/lora.*\.a$/, 1 / Math.sqrt(64) / Math.sqrt(3));
    expect(a.largest).toBeLessThanOrEqual(1 / Math.sqrt(64));
    const bound = Math.sqrt(6 / (3 * 2 ** 2 + 8));
    expect(expectStd(/vpt/, bound / Math.sqrt(3)).largest).toBeLessThanOrEqual(bound);
    for (const pattern of [/up\.(weight|bias)/, /down\.bias/, /ln\.bias/, /lora.*\.b$/])
      expect(of(pattern).largest).toBe(0);
    for (const pattern of [/\.scale$/, /ln\.weight/].map((end) => new RegExp(`adaptformer.*${end.source}`)))
      expect(of(pattern)).toMatchObject({ mean: 1, std: 0 });
  });

  it("of trained weights are the checkpoint's", async () => {
    const { values } = await adapted([{ use: "full" }]);
    const name = `${layers}.1.mlp.fc1.weight`;
    expect(values.get(name)).toEqual(await readWeight(tower.locate(name)));
    expect(values.size).toBe(2 * 16);
  });

  it("have LIFT's default sizes", async () => {
    // Places365-LT, ImageNet-LT, iNaturalist 2018 and CIFAR-100 with ViT-B/16.
    expect([365, 1000, 8142, 100].map((classes) => defaultBottleneck(classes, 12))).toEqual([8, 32, 256, 4]);
    expect([3, 24, 47, 48, 192].map((classes) => defaultBottleneck(classes, 12))).toEqual([1, 1, 1, 2, 8]);
    // 100 classes, 2 blocks: 2^4.
    const { params } = await build([{ use: "lora" }, { use: "adapter" }, { use: "vpt-deep" }]);
    const shapes = Object.fromEntries(params.map(({ name, value }) => [name, value.shape]));
    expect(shapes).toMatchObject({
      "lora.0.attn.q.a": [16, 8],
      "adapter.1.down.weight": [16, 8],
      "vpt-deep.0.tokens": [10, 8],
    });
  });
});

describe("methods that cannot be used together or like this", () => {
  it.each<{ peft: readonly PeftChoice[]; message: RegExp }>([
    {
      peft: [{ use: "bias" }, { use: "adapter" }, { use: "layer-norm" }],
      message: /^peft: "bias" and "layer-norm" both train the weight "vision_model.*layer_norm1.bias"$/,
    },
    {
      peft: [{ use: "last-k" }, { use: "full" }],
      message: /^peft: "last-k" and "full" both train the weight .*layers\.1\./,
    },
    {
      peft: [{ use: "vpt-shallow" }, { use: "ssf" }, { use: "vpt-deep" }],
      message: /^peft: "vpt-shallow" and "vpt-deep" both add tokens$/,
    },
    {
      peft: [{ use: "lora" }, { use: "lora", mlp: true }],
      message: /^peft: "lora" is listed twice and would have a parameter "lora\.0\.attn\.q\.a"$/,
    },
    { peft: [{ use: "lora", attention: false }], message: /^\/attention: peft lora: it adapts nothing$/ },
    {
      peft: [{ use: "ssf", attention: false, mlp: false, layerNorm: false }],
      message: /^\/attention: peft ssf: it adapts nothing$/,
    },
    {
      peft: [{ use: "last-k", blocks: 3 }],
      message: /^\/blocks: peft last-k: there are no blocks 3 in a model of 2$/,
    },
    {
      peft: [{ use: "adapter", blocks: [1, 1] }],
      message: /^\/blocks: peft adapter: there are no blocks \[1,1\] in a model of 2$/,
    },
  ])("$message", async ({ peft, message }) => {
    await expect(build(peft)).rejects.toThrow(message);
  });

  it("but the same method works on different blocks", async () => {
    const { params } = await build([
      { use: "lora", rank: 1, blocks: [0, 1] },
      { use: "lora", rank: 2, blocks: [1, 2] },
    ]);
    expect(params.filter(({ name }) => name.endsWith("q.a")).map(({ value }) => value.shape)).toEqual([
      [1, 8],
      [2, 8],
    ]);
  });
});

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

describe("training", () => {
  it("moves the checkpoint's own weights, and goes on from where it stopped", async () => {
    const dir = await temporaryFolder();
    const labels = Int32Array.from({ length: 8 }, (_, i) => i % 2);
    const peft = await choosePefts([{ use: "layer-norm" }, { use: "vpt-deep", tokens: 2 }]);
    const losses: number[] = [];
    const train = (epochs: number) =>
      finetune({
        members: [
          {
            prefix: "m.",
            shape,
            locate: tower.locate,
            peft,
            headInit: Float32Array.from({ length: 16 }, (_, i) => Math.cos(i)),
            headScale: 10,
            load: async (indices, out) => {
              for (const [row, index] of Array.from(indices).entries())
                for (let p = 0; p < 16; p++) out[row * 16 + p] = (labels[index]! - 0.5) * 20 * Math.sin(p);
            },
          },
        ],
        classes: 2,
        labels,
        loss: (g, [logits], y) => g.crossEntropy(logits!, y),
        epochs,
        batchSize: 4,
        optimizer: sgd(),
        lr: 0.02,
        schedule: () => 1,
        seed: 1,
        threads: 1,
        checkpointDir: dir,
        onStep: ({ loss }) => void losses.push(loss),
      });
    await train(4);
    const { params, trainable, resumedFrom } = await train(12);
    expect(resumedFrom).toBe(8);
    // Two steps an epoch.
    const [first, last] = [losses.slice(0, 2), losses.slice(-2)].map(([a, b]) => (a! + b!) / 2);
    expect(last).toBeLessThan(0.7 * first!);
    expect(trainable).toBe(2 * NORMS + 2 * 2 * 8 + 2 * 8);
    const name = `${layers}.0.layer_norm2.weight`;
    const start = await readWeight(tower.locate(name));
    expect(params.get(`m.${name}`)!.every((value, i) => value !== start[i])).toBe(true);
  });
});
