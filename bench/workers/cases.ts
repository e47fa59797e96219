/**
 * Our side of a case of the comparison with PyTorch, as a process: `cases.ts <case> <checkpoint folder> <threads> key=value…`.
 */
import { createGraph } from "../../core/graph/index.ts";
import { openCheckpoint } from "../../core/models/checkpoint/folder.ts";
import { classifier } from "../../core/models/classifier.ts";
import { frozenWeights } from "../../core/models/frozen-weights.ts";
import { imageTower, normalize, projectImage, textTower } from "../../core/models/towers/index.ts";
import { compile } from "../../core/runtime/index.ts";
import { cachedMicroBatch } from "../../core/training/micro-batch.ts";
import { sgd } from "../../core/training/optimizers/index.ts";
import { initParams } from "../../core/training/params.ts";
import { uniformFrom } from "../../core/training/random.ts";
import { compileTrainStep } from "../../core/training/train-step.ts";
import { choosePefts } from "../../test/support/choose-peft.ts";
import { type Measured, serve } from "./protocol.ts";

const [name, folder, threadsText, ...pairs] = process.argv.slice(2) as [string, string, string, ...string[]];
const threads = Number(threadsText);
const given = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
const number = (key: string) => Number(given.get(key));
const uniform = uniformFrom(2, "bench");
const random = (length: number) => Float32Array.from({ length }, () => uniform() - 0.5);

async function step(): Promise<Measured> {
  const [batch, classes] = [number("batch"), number("classes")];
  const { config, locate } = await openCheckpoint(folder);
  const shape = config.vision;
  const g = createGraph();
  // As a comparison does it that leaves the micro-batch size open.
  const recompute = given.has("recompute");
  const micro = given.has("micro") ? number("micro") : cachedMicroBatch(batch, [shape], { recompute });
  const pixels = g.input("pixels", "float32", [micro, 3, shape.imageSize, shape.imageSize]);
  const labels = g.input("labels", "int64", [micro]);
  const model = classifier(g, pixels, {
    shape,
    weights: frozenWeights(g, locate),
    locate,
    classes,
    peft: await choosePefts([{ use: given.get("peft")! }]),
    headInit: random(classes * shape.width),
    headScale: 25,
  });
  const trained = await compileTrainStep({
    graph: g,
    loss: g.crossEntropy(model.logits, labels),
    params: model.params.map(({ value }) => value),
    values: await initParams(
      model.params.map(({ name, value, init }) => ({ name, shape: value.shape, init })),
      0,
    ),
    optimizer: sgd(),
    accumulate: batch / micro,
    threads,
    recompute,
    ...(given.has("profile") ? { profile: given.get("profile")! } : {}),
  });
  const batches = Array.from({ length: batch / micro }, () => ({
    pixels: random(micro * 3 * shape.imageSize ** 2),
    labels: BigInt64Array.from({ length: micro }, (_, i) => BigInt(i % classes)),
  }));
  let at = 0;
  return {
    facts: {
      gflop: (trained.flops * batch) / micro / 1e9,
      micro,
      trainable: model.params.reduce((sum, { value }) => sum + value.shape.reduce((a, b) => a * b, 1), 0),
    },
    run: async () => void (await trained.run(batches, { step: at++, lr: 0.01 })),
    end: () => given.has("profile") && trained.endProfiling(),
  };
}

/** Pixels to normalised image features. */
async function forward(): Promise<Measured> {
  const batch = number("batch");
  const { config, locate } = await openCheckpoint(folder);
  const { vision, projectionDim } = config;
  const g = createGraph();
  const pixels = g.input("pixels", "float32", [batch, 3, vision.imageSize, vision.imageSize]);
  const weights = frozenWeights(g, locate);
  const features = normalize(
    g,
    projectImage(g, imageTower(g, vision, weights, pixels), weights, projectionDim),
  );
  const program = await compile(g, { features }, { threads });
  const input = random(batch * 3 * vision.imageSize ** 2);
  return { run: async () => void (await program.run({ pixels: input })) };
}

/** Token ids, all of full length, to normalised text features. */
async function text(): Promise<Measured> {
  const batch = number("batch");
  const { config, locate } = await openCheckpoint(folder);
  const { contextLength } = config.text;
  const g = createGraph();
  const inputs = {
    ids: g.input("ids", "int64", [batch, contextLength]),
    eot: g.input("eot", "int64", [batch]),
  };
  const weights = frozenWeights(g, locate);
  const features = normalize(g, textTower(g, config.text, weights, inputs, config.projectionDim));
  const program = await compile(g, { features }, { threads });
  const ids = BigInt64Array.from({ length: batch * contextLength }, (_, i) => BigInt(1 + ((i * 7) % 49000)));
  const eot = new BigInt64Array(batch).fill(BigInt(contextLength - 1));
  return { run: async () => void (await program.run({ ids, eot })) };
}

/** A checkpoint folder to an image tower that is ready to run. */
async function opening(): Promise<Measured> {
  return {
    async run() {
      const { config, locate } = await openCheckpoint(folder);
      const { vision, projectionDim } = config;
      const g = createGraph();
      const pixels = g.input("pixels", "float32", [1, 3, vision.imageSize, vision.imageSize]);
      const weights = frozenWeights(g, locate);
      const features = projectImage(g, imageTower(g, vision, weights, pixels), weights, projectionDim);
      // As PyTorch, which lays weights out at every product and never in advance.
      await (await compile(g, { features }, { threads, prepack: false })).release();
    },
  };
}

const cases: Readonly<Record<string, () => Promise<Measured>>> = { step, forward, text, opening };
await serve(cases[name]!);
