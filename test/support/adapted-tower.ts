import { differentiate } from "../../core/autodiff/index.ts";
import { createGraph } from "../../core/graph/index.ts";
import { classifier } from "../../core/models/classifier.ts";
import { frozenWeights } from "../../core/models/frozen-weights.ts";
import { compile } from "../../core/runtime/index.ts";
import { initParams } from "../../core/training/params.ts";
import { choosePefts, type PeftChoice } from "./choose-peft.ts";
import type { RandomTower } from "./random-tower.ts";

/** A tower of two blocks that reads images of 4 × 4. */
export const shape = {
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
/** What precedes the number of a block in the names of its weights. */
export const layers = "vision_model.encoder.layers";
/** Numbers of a block's parameters: both layer norms, attention, MLP. */
export const [NORMS, ATTENTION, MLP] = [2 * 2 * 8, 4 * (64 + 8), 128 + 16 + 128 + 8];
const BATCH = 2;
const pixels = Float32Array.from({ length: BATCH * 16 }, (_, i) => Math.sin(i));

/** A tower of that shape with methods, in a graph of its own. */
export async function buildAdapted(tower: RandomTower, peft: readonly PeftChoice[]) {
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

/** Writes other values over a parameter's. */
export type ChangeValues = (name: string, values: Float32Array) => void;

/** Features of the tower with methods, the parameters they have, and the gradients of those. */
export async function runAdapted(
  tower: RandomTower,
  peft: readonly PeftChoice[],
  change: ChangeValues = () => {},
) {
  const { g, features, params } = await buildAdapted(tower, peft);
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
