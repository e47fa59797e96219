import { differentiate } from "../autodiff/index.ts";
import { DualtailError } from "../errors.ts";
import { createGraph, type Graph, type Shape, type Value } from "../graph/index.ts";
import { type CompileOptions, compile, type Feeds, type Program } from "../runtime/index.ts";
import type { Optimizer } from "./optimizers/index.ts";

/** The loss became NaN or infinite. */
export class NonFiniteLossError extends DualtailError {
  constructor(loss: number, step: number) {
    super(`the loss is ${loss} at step ${step}`, {
      hint: "lower train.optimizer.lr, or look for empty or broken images in the batch",
    });
  }
}

export interface TrainStepOptions extends CompileOptions {
  readonly graph: Graph;
  /** Scalar, averaged over the micro-batch. */
  readonly loss: Value;
  /** Trainable inputs of the graph. */
  readonly params: readonly Value[];
  /** Their starting values by name; the step owns and replaces them. */
  readonly values: Map<string, Float32Array>;
  readonly optimizer: Optimizer;
  /** Weight decay factor per parameter, 1 when absent. */
  readonly decayFactor?: (param: Value) => number;
  /** Micro-batches per update. */
  readonly accumulate?: number;
  /** Gradients are scaled down to this global norm. */
  readonly clipNorm?: number;
}

/** Parameters and optimizer slots by name; slots are called `<param>/<slot>`. */
export interface TrainState {
  readonly params: Map<string, Float32Array>;
  readonly slots: Map<string, Float32Array>;
  /** Shapes of the parameters; a slot is shaped like its parameter. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

/** One optimizer step (forward, loss, backward, update) as compiled graphs. */
export interface TrainStep {
  readonly state: TrainState;
  /**
   * Runs one update; `batches` holds the inputs of each micro-batch. Returns the mean loss.
   * @throws NonFiniteLossError before any parameter is changed
   */
  run(batches: readonly Feeds[], at: { step: number; lr: number }): Promise<number>;
  release(): Promise<void>;
  /** The compiled gradient (and, without accumulation, update) graph. */
  readonly program: Program;
  /** What the program computes, e.g. for counting operations. */
  readonly outputs: readonly Value[];
}

const LOSS = "loss";
const next = (name: string) => `${name}/next`;

/** Compiles the training step; with accumulation, a gradient graph and an update graph. */
export async function compileTrainStep(options: TrainStepOptions): Promise<TrainStep> {
  const { graph: g, loss, params, values, optimizer, accumulate = 1 } = options;
  const gradients = differentiate(g, loss, params);
  const slots = new Map(
    params.flatMap(({ name }) =>
      optimizer.slots.map((slot) => [`${name}/${slot}`, new Float32Array(values.get(name)!.length)] as const),
    ),
  );
  const shapes = new Map(params.map(({ name, shape }) => [name, shape]));
  const state: TrainState = { params: values, slots, shapes };
  const names = [...values.keys(), ...slots.keys()];
  const feedsOf = (): Record<string, Float32Array> => ({
    ...Object.fromEntries(values),
    ...Object.fromEntries(slots),
  });
  const scalarsOf = (step: number, lr: number): Record<string, Float32Array> =>
    Object.fromEntries(
      Object.entries({ lr, ...optimizer.scalars(step + 1) }).map(([name, value]) => [
        name,
        Float32Array.of(value),
      ]),
    );
  const adopt = (results: Feeds) => {
    for (const name of names) {
      const target = values.has(name) ? values : slots;
      target.set(name, results[next(name)] as Float32Array);
    }
  };
  const check = (value: number, step: number): number => {
    if (!Number.isFinite(value)) throw new NonFiniteLossError(value, step);
    return value;
  };

  if (accumulate === 1) {
    const updates = updateGraph(g, params, gradients, options);
    const program = await compile(g, { [LOSS]: loss, ...updates }, options);
    return {
      state,
      program,
      outputs: [loss, ...Object.values(updates)],
      async run([batch], { step, lr }) {
        const results = await program.run({ ...batch, ...feedsOf(), ...scalarsOf(step, lr) });
        const value = check((results[LOSS] as Float32Array)[0]!, step);
        adopt(results);
        return value;
      },
      release: () => program.release(),
    };
  }

  const sums = gradients.map((gradient, i) => {
    const sum = g.input(`${params[i]!.name}/sum`, "float32", gradient.shape);
    return [`${params[i]!.name}/sum`, g.add(sum, g.mul(gradient, 1 / accumulate))] as const;
  });
  const program = await compile(
    g,
    { [LOSS]: loss, ...Object.fromEntries(sums.map(([name, sum]) => [next(name), sum])) },
    options,
  );
  const u = createGraph();
  const own = params.map(({ name, shape }) => u.input(name, "float32", shape));
  const summed = params.map(({ name, shape }) => u.input(`${name}/sum`, "float32", shape));
  const update = await compile(u, updateGraph(u, own, summed, options), { ...options, profile: undefined });
  return {
    state,
    program,
    outputs: [loss, ...sums.map(([, sum]) => sum)],
    async run(batches, { step, lr }) {
      let total = 0;
      let partial: Record<string, Float32Array> = Object.fromEntries(
        sums.map(([name, { shape }]) => [name, new Float32Array(shape.reduce((a, b) => a * b, 1))]),
      );
      for (const batch of batches) {
        const results = await program.run({ ...batch, ...Object.fromEntries(values), ...partial });
        total += check((results[LOSS] as Float32Array)[0]!, step) / accumulate;
        partial = Object.fromEntries(sums.map(([name]) => [name, results[next(name)] as Float32Array]));
      }
      adopt(await update.run({ ...feedsOf(), ...partial, ...scalarsOf(step, lr) }));
      return total;
    },
    release: async () => {
      await program.release();
      await update.release();
    },
  };
}

/** The optimizer's update of every parameter, as named outputs. */
function updateGraph(
  g: Graph,
  params: readonly Value[],
  gradients: readonly Value[],
  { optimizer, decayFactor = () => 1, clipNorm }: TrainStepOptions,
): Record<string, Value> {
  const lr = g.input("lr", "float32", []);
  const scalars = Object.fromEntries(
    Object.keys(optimizer.scalars(1)).map((name) => [name, g.input(name, "float32", [])]),
  );
  const scale = clipNorm === undefined ? undefined : clipScale(g, gradients, clipNorm);
  return Object.fromEntries(
    params.flatMap((param, i) => {
      const gradient = scale === undefined ? gradients[i]! : g.mul(gradients[i]!, scale);
      const names = optimizer.slots.map((slot) => `${param.name}/${slot}`);
      const slots = names.map((name) => g.input(name, "float32", param.shape));
      const weightDecay = optimizer.weightDecay * decayFactor(param);
      const update = optimizer.update(g, { param, gradient, slots, lr, scalars, weightDecay });
      return [
        [next(param.name), update.param] as const,
        ...names.map((name, slot) => [next(name), update.slots[slot]!] as const),
      ];
    }),
  );
}

/** min(1, clipNorm / ‖all gradients‖₂). */
function clipScale(g: Graph, gradients: readonly Value[], clipNorm: number): Value {
  const squares = gradients.map((gradient) => g.reduceSum(g.mul(gradient, gradient)));
  const norm = g.sqrt(squares.reduce((sum, square) => g.add(sum, square)));
  return g.min(1, g.div(clipNorm, g.add(norm, 1e-6)));
}
