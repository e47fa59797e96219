import { differentiate } from "../autodiff/index.ts";
import { DualtailError } from "../errors.ts";
import { createGraph, matrixProductFlops, type Shape } from "../graph/index.ts";
import { compile, type Feeds } from "../runtime/index.ts";
import { type GradientOptions, wholeGradients } from "./gradients.ts";
import { segmentedGradients } from "./recompute/segmented-gradients.ts";
import { next, type UpdateOptions, updateGraph } from "./update-graph.ts";

/** The loss became NaN or infinite. */
export class NonFiniteLossError extends DualtailError {
  constructor(loss: number, step: number) {
    super(`the loss is ${loss} at step ${step}`, {
      hint: "lower train.optimizer.lr, or look for empty or broken images in the batch",
    });
  }
}

export interface TrainStepOptions extends GradientOptions, UpdateOptions {
  /** Starting values of the parameters by name; the step owns and replaces them. */
  readonly values: Map<string, Float32Array>;
  /** Micro-batches per update. */
  readonly accumulate?: number;
  /**
   * Keep activations at the residual stream only and compute the others again in the backward pass: less memory, more
   * time (docs/benchmarks.md says how much).
   */
  readonly recompute?: boolean;
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
  /** Floating-point operations of the matrix products of one micro-batch. */
  readonly flops: number;
  /** Ends profiling and writes the file. */
  endProfiling(): void;
}

const LOSS = "loss";

/** Compiles the training step: one graph for all of it, or gradients and update apart. */
export async function compileTrainStep(options: TrainStepOptions): Promise<TrainStep> {
  const { accumulate = 1, recompute = false } = options;
  return accumulate === 1 && !recompute
    ? compileWhole(options)
    : compileParts(options, accumulate, recompute);
}

async function compileWhole(options: TrainStepOptions): Promise<TrainStep> {
  const { graph: g, loss, params } = options;
  const updates = updateGraph(g, params, differentiate(g, loss, params), options);
  const program = await compile(g, { [LOSS]: loss, ...updates }, options);
  const { state, feeds, scalars, adopt } = trainState(options);
  return {
    state,
    flops: matrixProductFlops(g, [loss, ...Object.values(updates)]),
    async run([batch], { step, lr }) {
      const results = await program.run({ ...batch, ...feeds(), ...scalars(step, lr) });
      const value = finite(Number(results[LOSS]![0]), step);
      adopt(results);
      return value;
    },
    release: () => program.release(),
    endProfiling: () => program.endProfiling(),
  };
}

async function compileParts(
  options: TrainStepOptions,
  accumulate: number,
  recompute: boolean,
): Promise<TrainStep> {
  const { params } = options;
  const gradients = await (recompute ? segmentedGradients : wholeGradients)(options);
  const u = createGraph();
  const own = params.map(({ name, shape }) => u.input(name, "float32", shape));
  const summed = params.map(({ name, shape }) => u.input(sumOf(name), "float32", shape));
  const update = await compile(u, updateGraph(u, own, summed, options), { ...options, profile: undefined });
  const { state, feeds, scalars, adopt } = trainState(options);
  const sums = new Map([...state.params].map(([name, { length }]) => [name, new Float32Array(length)]));
  return {
    state,
    flops: gradients.flops,
    async run(batches, { step, lr }) {
      for (const sum of sums.values()) sum.fill(0);
      let total = 0;
      for (const batch of batches) {
        const loss = await gradients.run(batch, state.params, { sums, scale: 1 / accumulate });
        total += finite(loss, step) / accumulate;
      }
      const summedFeeds = Object.fromEntries([...sums].map(([name, sum]) => [sumOf(name), sum]));
      adopt(await update.run({ ...feeds(), ...summedFeeds, ...scalars(step, lr) }));
      return total;
    },
    release: async () => {
      await gradients.release();
      await update.release();
    },
    endProfiling: () => gradients.endProfiling(),
  };
}

const sumOf = (name: string): string => `${name}/sum`;

function finite(loss: number, step: number): number {
  if (!Number.isFinite(loss)) throw new NonFiniteLossError(loss, step);
  return loss;
}

/** The tensors that a step reads and replaces. */
function trainState({ params, values, optimizer }: TrainStepOptions) {
  const slots = new Map(
    params.flatMap(({ name }) =>
      optimizer.slots.map((slot) => [`${name}/${slot}`, new Float32Array(values.get(name)!.length)] as const),
    ),
  );
  const shapes = new Map(params.map(({ name, shape }) => [name, shape]));
  const state: TrainState = { params: values, slots, shapes };
  return {
    state,
    feeds: (): Record<string, Float32Array> => ({
      ...Object.fromEntries(values),
      ...Object.fromEntries(slots),
    }),
    scalars: (step: number, lr: number): Record<string, Float32Array> =>
      Object.fromEntries(
        Object.entries({ lr, ...optimizer.scalars(step + 1) }).map(([name, value]) => [
          name,
          Float32Array.of(value),
        ]),
      ),
    adopt: (results: Feeds) => {
      for (const target of [values, slots]) {
        for (const name of target.keys()) target.set(name, results[next(name)] as Float32Array);
      }
    },
  };
}
