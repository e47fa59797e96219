import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { choosePefts, type PeftChoice } from "../../../test/support/choose-peft.ts";
import { relativeError } from "../../../test/support/parity.ts";
import { type RandomTower, randomTower } from "../../../test/support/random-tower.ts";
import { differentiate } from "../../autodiff/index.ts";
import { createGraph, type Graph, matrixProductFlops, sizeOf, type Value } from "../../graph/index.ts";
import { type ChosenPeft, classifier } from "../../models/classifier.ts";
import { frozenWeights } from "../../models/frozen-weights.ts";
import { sgd } from "../optimizers/index.ts";
import { initParams } from "../params.ts";
import { uniformFrom } from "../random.ts";
import { compileTrainStep } from "../train-step.ts";
import { findCuts } from "./cut-points.ts";
import { backwardSegments } from "./segments.ts";

const shape = {
  width: 32,
  layers: 3,
  heads: 2,
  mlpWidth: 128,
  patchSize: 4,
  imageSize: 16,
  channels: 3,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
};
const [BATCH, CLASSES] = [4, 5];

let tower: RandomTower;
beforeAll(async () => {
  tower = await randomTower(shape);
});
afterAll(() => tower.remove());

function model(g: Graph, peft: readonly ChosenPeft[], prefix = "") {
  const pixels = g.input(`${prefix}pixels`, "float32", [BATCH, 3, 16, 16]);
  const uniform = uniformFrom(1, `head ${prefix}`);
  const built = classifier(g, pixels, {
    shape,
    weights: frozenWeights(g, tower.locate, prefix),
    locate: tower.locate,
    classes: CLASSES,
    peft,
    headInit: Float32Array.from({ length: CLASSES * shape.width }, () => uniform() - 0.5),
    headScale: 25,
    prefix,
  });
  return { ...built, pixels };
}

type Built = { graph: Graph; loss: Value; models: ReturnType<typeof model>[] };

async function single(...choices: PeftChoice[]): Promise<Built> {
  const peft = await choosePefts(choices);
  const graph = createGraph();
  const built = model(graph, peft);
  return {
    graph,
    loss: graph.crossEntropy(built.logits, graph.input("labels", "int64", [BATCH])),
    models: [built],
  };
}

/** Two towers whose probabilities are averaged. */
async function joint(...choices: PeftChoice[]): Promise<Built> {
  const peft = await choosePefts(choices);
  const graph = createGraph();
  const models = [model(graph, peft, "a."), model(graph, peft, "b.")];
  const [p, q] = models.map(({ logits }) => graph.softmax(logits, 1));
  const labels = graph.input("labels", "int64", [BATCH]);
  return {
    graph,
    loss: graph.reduceMean(graph.neg(graph.log(graph.pick(graph.add(p!, q!), labels)))),
    models,
  };
}

/** Parameters after a few steps with and without recomputation. */
async function train({ graph, loss, models }: Built, recompute: boolean, micro = 1) {
  const params = models.flatMap((built) => built.params);
  const step = await compileTrainStep({
    graph,
    loss,
    params: params.map(({ value }) => value),
    values: await initParams(
      params.map(({ name, value, init }) => ({ name, shape: value.shape, init })),
      3,
    ),
    optimizer: sgd({ momentum: 0.9, weightDecay: 0.01 }),
    accumulate: micro,
    recompute,
    threads: 1,
  });
  const batches = Array.from({ length: micro }, (_, part) => ({
    labels: BigInt64Array.from({ length: BATCH }, (_, i) => BigInt((i + part) % CLASSES)),
    ...Object.fromEntries(
      models.map(({ pixels }, m) => [
        pixels.name,
        Float32Array.from({ length: BATCH * 3 * 16 * 16 }, (_, i) => Math.sin(i * (m + 1) + part)),
      ]),
    ),
  }));
  const losses: number[] = [];
  for (let at = 0; at < 3; at++) losses.push(await step.run(batches, { step: at, lr: 0.05 }));
  await step.release();
  return { losses, params: step.state.params };
}

const chosen = {
  adaptformer: { use: "adaptformer", bottleneck: 3 },
  lora: { use: "lora", rank: 2 },
  "vpt-deep": { use: "vpt-deep", tokens: 3 },
  full: { use: "full" },
} satisfies Record<string, PeftChoice>;

describe("recomputation", () => {
  it.each([
    ["adaptformer", () => single(chosen.adaptformer), 1],
    ["lora and vpt-deep", () => single(chosen.lora, chosen["vpt-deep"]), 1],
    ["full fine-tuning", () => single(chosen.full), 1],
    ["the head alone", () => single(), 1],
    ["two towers in one loss", () => joint(chosen.adaptformer), 1],
    ["micro-batches", () => single(chosen.adaptformer), 2],
  ] as const)("takes the same steps: %s", async (_, build, micro) => {
    const [kept, again] = [await train(await build(), false, micro), await train(await build(), true, micro)];
    expect(again.losses[2]).not.toBe(again.losses[0]);
    again.losses.forEach((loss, i) => void expect(loss).toBeCloseTo(kept.losses[i]!, 5));
    for (const [name, values] of kept.params)
      expect(relativeError(again.params.get(name)!, values), name).toBeLessThan(2e-4);
  });

  it("cuts at the residual stream and the hidden layers, and repeats no more than a third of the forward pass", async () => {
    const { graph, loss, models } = await single(chosen.adaptformer);
    const cuts = findCuts(graph, loss);
    const [stream, hidden] = [shape.width, shape.mlpWidth].map((width) => BATCH * 17 * width);
    const sizes = cuts.map((cut) => cut.reduce((sum, value) => sum + sizeOf(value.shape), 0));
    for (const size of sizes) expect(size).toBeLessThanOrEqual((stream! + hidden!) * 1.01);
    expect(cuts.length).toBeGreaterThanOrEqual(3 * (shape.layers - 1));
    const params = new Set(models[0]!.params.map(({ value }) => value));
    const segments = backwardSegments({ graph, loss, params, cuts });
    const flops = segments.reduce(
      (sum, part) => sum + part.flops,
      matrixProductFlops(graph, [...new Set(cuts.flat())]),
    );
    const trained = [...params];
    const whole = matrixProductFlops(graph, [loss, ...differentiate(graph, loss, trained)]);
    const forward = matrixProductFlops(graph, [loss]);
    expect(flops - whole).toBeLessThan(forward / 3);
    expect(flops - whole).toBeGreaterThan(0);
    // No segment reads weights of more than one block.
    for (const { graph: part } of segments) {
      const names = [...part.initializers.keys()].map(({ name }) => name.match(/layers\.(\d+)/)?.[1]);
      expect(new Set(names.filter((block) => block !== undefined)).size).toBeLessThanOrEqual(1);
    }
  });
});
