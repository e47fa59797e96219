import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { choosePefts, type PeftChoice } from "../../../test/support/choose-peft.ts";
import { unpackFloat32, unpackFloat64 } from "../../../test/support/golden-array.ts";
import { expectParity } from "../../../test/support/parity.ts";
import { differentiate } from "../../autodiff/index.ts";
import { createGraph, type FloatType, type TensorData, type Value } from "../../graph/index.ts";
import { openCheckpoint } from "../../models/checkpoint/folder.ts";
import { classifier } from "../../models/classifier.ts";
import { frozenWeights } from "../../models/frozen-weights.ts";
import { compile } from "../../runtime/index.ts";
import { cosine } from "../schedule.ts";
import { compileTrainStep } from "../train-step.ts";
import { adamw, type Optimizer, sgd } from "./index.ts";

interface Case {
  readonly optimizer: "sgd" | "adamw";
  readonly lr: number;
  readonly weightDecay: number;
  readonly momentum?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly accumulate?: number;
  readonly clipNorm?: number;
}

interface Trained {
  readonly losses: readonly number[];
  readonly rates: readonly number[];
  /** After the last step. */
  readonly params: Readonly<Record<string, string>>;
}

interface Golden {
  readonly reference: string;
  readonly classes: number;
  readonly batch: number;
  readonly scale: number;
  readonly epochs: number;
  readonly prior: readonly number[];
  readonly peft: readonly PeftChoice[];
  readonly pixels: readonly string[];
  readonly labels: readonly (readonly number[])[];
  readonly values: Readonly<Record<string, string>>;
  readonly cases: Readonly<Record<string, Case>>;
  readonly results: Readonly<Record<"quick_gelu" | "relu", Readonly<Record<string, Trained>>>>;
}

const fixtures = fileURLToPath(new URL("../../../test/fixtures/optimizers", import.meta.url));
const golden = JSON.parse(readFileSync(`${fixtures}/golden.json`, "utf8")) as Golden;
const values = new Map(Object.entries(golden.values).map(([name, data]) => [name, unpackFloat32(data)]));
const makeOptimizer = (options: Case): Optimizer =>
  options.optimizer === "sgd" ? sgd(options) : adamw(options);

/** The model of the fixture on `batch` images, with logit adjustment as its loss. */
async function build(activation: string, batch: number, floatType: FloatType) {
  const checkpoint = await openCheckpoint(`${fixtures}/clip`);
  const shape = { ...checkpoint.config.vision, activation };
  const g = createGraph({ floatType });
  const pixels = g.input("pixels", floatType, [batch, 3, shape.imageSize, shape.imageSize]);
  const model = classifier(g, pixels, {
    shape,
    weights: frozenWeights(g, checkpoint.locate),
    classes: golden.classes,
    peft: await choosePefts(golden.peft),
    headScale: golden.scale,
  });
  const shift = g.constant(golden.prior.map(Math.log), [golden.classes]);
  const loss = g.crossEntropy(g.add(model.logits, shift), g.input("labels", "int64", [batch]));
  const params = model.params.map(({ value }) => value);
  expect(params.map(({ name }) => name).sort()).toEqual([...values.keys()].sort());
  return { g, loss, params };
}

/** Images and labels of a step, cut into micro-batches. */
function batchesOf(step: number, parts: number) {
  const pixels = unpackFloat32(golden.pixels[step % golden.pixels.length]!);
  const labels = BigInt64Array.from(golden.labels[step % golden.labels.length]!, BigInt);
  const [image, own] = [pixels.length / golden.batch, golden.batch / parts];
  return Array.from({ length: parts }, (_, part) => ({
    pixels: pixels.slice(part * own * image, (part + 1) * own * image),
    labels: labels.slice(part * own, (part + 1) * own),
  }));
}

/** The learning rate of every step by dualtail's schedule. */
function ratesOf({ lr }: Case, steps: number): number[] {
  const perEpoch = steps / golden.epochs;
  return Array.from({ length: steps }, (_, step) => lr * cosine(Math.floor(step / perEpoch), golden.epochs));
}

function check(
  name: string,
  precision: string,
  trained: Trained,
  actual: {
    readonly losses: readonly number[];
    readonly rates: readonly number[];
    readonly params: ReadonlyMap<string, ArrayLike<number>>;
  },
  tolerances: { readonly losses: number; readonly params: number; readonly moved: number },
): void {
  const row = { module: `ten steps of ${name}, ${precision}`, reference: golden.reference };
  expectParity({
    module: "cosine schedule",
    what: name,
    reference: golden.reference,
    actual: actual.rates,
    expected: trained.rates,
    tolerance: 1e-12,
  });
  expectParity({
    ...row,
    what: "losses",
    actual: actual.losses,
    expected: trained.losses,
    tolerance: tolerances.losses,
  });
  for (const [param, packed] of Object.entries(trained.params)) {
    const expected = unpackFloat64(packed);
    const after = actual.params.get(param)!;
    const start = values.get(param)!;
    const moved = (to: ArrayLike<number>) => Array.from(start, (value, i) => to[i]! - value);
    expectParity({ ...row, what: param, actual: after, expected, tolerance: tolerances.params });
    expectParity({
      ...row,
      what: `movement of ${param}`,
      actual: moved(after),
      expected: moved(expected),
      tolerance: tolerances.moved,
    });
  }
}

describe.each(Object.entries(golden.cases))("ten steps of %s", (name, options) => {
  const { accumulate = 1, clipNorm } = options;

  it("by compileTrainStep move the parameters as torch does", async () => {
    const trained = golden.results.quick_gelu[name]!;
    const { g, loss, params } = await build("quick_gelu", golden.batch / accumulate, "float32");
    const step = await compileTrainStep({
      graph: g,
      loss,
      params,
      values: new Map([...values].map(([key, data]) => [key, data.slice()])),
      optimizer: makeOptimizer(options),
      accumulate,
      ...(clipNorm === undefined ? {} : { clipNorm }),
      threads: 1,
    });
    const rates = ratesOf(options, trained.losses.length);
    const losses: number[] = [];
    for (const [i, lr] of rates.entries())
      losses.push(await step.run(batchesOf(i, accumulate), { step: i, lr }));
    const actual = { losses, rates, params: new Map(step.state.params) };
    await step.release();
    check(name, "float32", trained, actual, { losses: 1e-4, params: 1e-3, moved: 1e-3 });
  });
});

// In double precision an error of the method has no rounding to hide in. compileTrainStep computes in float32, so the
// step is put together here; it has no micro-batches.
const plain = Object.entries(golden.cases).filter(([, { accumulate, clipNorm }]) => !accumulate && !clipNorm);

describe.each(plain)("ten steps of %s in double precision", (name, options) => {
  it("move the parameters as torch does", async () => {
    const trained = golden.results.relu[name]!;
    const { g, loss, params } = await build("relu", golden.batch, "float64");
    const optimizer = makeOptimizer(options);
    const gradients = differentiate(g, loss, params);
    const scalars = Object.fromEntries(
      Object.keys(optimizer.scalars(1)).map((key) => [key, g.input(key, "float64", [])]),
    );
    const lr = g.input("lr", "float64", []);
    const outputs: Record<string, Value> = { loss };
    const state: Record<string, TensorData> = {};
    for (const [i, param] of params.entries()) {
      state[param.name] = Float64Array.from(values.get(param.name)!);
      const slots = optimizer.slots.map((slot) => {
        const key = `${param.name}/${slot}`;
        state[key] = new Float64Array(state[param.name]!.length);
        return g.input(key, "float64", param.shape);
      });
      const { weightDecay } = optimizer;
      const inputs = { param, gradient: gradients[i]!, slots, lr, scalars, weightDecay };
      const update = optimizer.update(g, inputs);
      outputs[`${param.name}/next`] = update.param;
      for (const [s, slot] of slots.entries()) outputs[`${slot.name}/next`] = update.slots[s]!;
    }
    const program = await compile(g, outputs, { optimize: "none", threads: 1 });
    const rates = ratesOf(options, trained.losses.length);
    const losses: number[] = [];
    for (const [step, rate] of rates.entries()) {
      const [batch] = batchesOf(step, 1);
      const numbers = Object.entries({ lr: rate, ...optimizer.scalars(step + 1) });
      const results = await program.run({
        ...state,
        ...Object.fromEntries(numbers.map(([key, value]) => [key, Float64Array.of(value)])),
        pixels: Float64Array.from(batch!.pixels),
        labels: batch!.labels,
      });
      losses.push(Number(results.loss![0]));
      for (const key of Object.keys(state)) state[key] = results[`${key}/next`]!;
    }
    await program.release();
    const after = new Map(params.map(({ name }) => [name, state[name] as Float64Array]));
    // Attributes of operators and LayerNormalization's statistics are float32 in a double graph, too.
    const tolerances = { losses: 1e-6, params: 1e-6, moved: 1e-5 };
    check(name, "double", trained, { losses, rates, params: after }, tolerances);
  });
});
