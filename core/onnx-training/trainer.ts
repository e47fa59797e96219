import { UndifferentiableError } from "../autodiff/index.ts";
import { DualtailError } from "../errors.ts";
import { type Graph, UnknownOpError, type Value } from "../graph/index.ts";
import { readSafetensorsHeader, readTensor, writeSafetensors } from "../models/checkpoint/safetensors.ts";
import { type CompileOptions, compile, type Feeds, type Program, type Results } from "../runtime/index.ts";
import type { Optimizer } from "../training/optimizers/index.ts";
import { initParams } from "../training/params.ts";
import { compileTrainStep } from "../training/train-step.ts";
import { type BuiltModel, buildModel } from "./build.ts";
import type { Dimensions, TrainableModel } from "./model.ts";
import { saveOnnx } from "./save.ts";

/**
 * The loss as an expression over the model's outputs: a scalar. What else it needs, such as labels, it declares with
 * `g.input(name, dtype, shape)`; a step is then fed that, too.
 */
export type ModelLoss = (
  g: Graph,
  outputs: Readonly<Record<string, Value>>,
  inputs: Readonly<Record<string, Value>>,
) => Value;

/** What is trained, by which loss and how. */
export interface TrainerOptions extends Pick<CompileOptions, "device" | "threads" | "lowMemory"> {
  readonly model: TrainableModel;
  readonly loss: ModelLoss;
  readonly optimizer: Optimizer;
  /** Learning rate of a step, counted from 0. */
  readonly lr: number | ((step: number) => number);
  /** Micro-batches per step; each has the model's batch size. */
  readonly accumulate?: number;
  /** Gradients are scaled down to this global norm. */
  readonly clipNorm?: number;
  /** Factor on the optimizer's weight decay by parameter, e.g. 0 for biases. */
  readonly decayFactor?: (name: string) => number;
  /** Seeds the start of LoRA. */
  readonly seed?: number;
}

/** A model being trained. */
export interface Trainer {
  /** The trained parameters by name: weights of the file, `lora.<weight>.a` and `.b`, the head's. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  /** Steps made. */
  readonly steps: number;
  /**
   * One update of the parameters; returns the loss before it, averaged over the micro-batches.
   * @throws NonFiniteLossError before any parameter is changed; RunError for a missing input or one of a wrong size
   */
  step(...batches: readonly Feeds[]): Promise<number>;
  /** The model's outputs with the present parameters, at other sizes if asked. */
  predict(feeds: Feeds, dimensions?: Dimensions): Promise<Results>;
  /** Writes the model with its trained weights as an ONNX file; LoRA is merged. */
  save(file: string): Promise<void>;
  /** Writes the trained parameters alone, as safetensors. */
  saveParameters(file: string): Promise<void>;
  /** Reads parameters that `saveParameters` wrote for the same choice of what is trained. */
  loadParameters(file: string): Promise<void>;
  /** Frees what onnxruntime holds; a step afterwards fails. */
  release(): Promise<void>;
}

/**
 * Compiles the training step of a model: forward, loss, gradients and update as one graph. onnxruntime is loaded here.
 * @throws DualtailError when nothing is trained; NoGradientError for an operator without a gradient between what is
 * trained and the loss; ShapeError for a loss that is not a scalar
 */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const { model, loss, optimizer, lr, decayFactor, seed = 0, accumulate = 1, clipNorm } = options;
  const { device, threads, lowMemory } = options;
  const running: CompileOptions = {
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...(lowMemory === undefined ? {} : { lowMemory }),
  };
  const built = buildModel(model);
  if (built.params.length === 0) {
    throw new DualtailError("nothing of the model is trained", {
      hint: "choose weights with markTrainable, injectLora or addHead",
    });
  }
  const values = await initParams(
    built.params.map(({ spec }) => spec),
    seed,
  );
  const step = await compileTrainStep({
    graph: built.graph,
    loss: loss(built.graph, built.outputs, built.parsed.inputs),
    params: built.params.map(({ value }) => value),
    values,
    optimizer,
    accumulate,
    ...(clipNorm === undefined ? {} : { clipNorm }),
    ...(decayFactor === undefined ? {} : { decayFactor: ({ name }) => decayFactor(name) }),
    ...running,
  }).catch((error: unknown) => {
    throw named(error, built);
  });
  const programs = new Map<string, Promise<Program>>();
  let steps = 0;

  const programAt = (dimensions: Dimensions): Promise<Program> => {
    const key = JSON.stringify(dimensions);
    const known = programs.get(key);
    if (known) return known;
    const { graph, outputs } = buildModel(model, dimensions);
    const program = compile(graph, outputs, running);
    programs.set(key, program);
    // Whoever asked for it is told; there is nothing to use again or to free.
    program.catch(() => programs.delete(key));
    return program;
  };

  return {
    parameters: values,
    get steps() {
      return steps;
    },
    async step(...batches) {
      if (batches.length !== accumulate) {
        throw new DualtailError(`a step takes ${accumulate} batches, got ${batches.length}`);
      }
      const value = await step.run(batches, { step: steps, lr: typeof lr === "number" ? lr : lr(steps) });
      steps++;
      return value;
    },
    async predict(feeds, dimensions = {}) {
      return (await programAt(dimensions)).run({ ...feeds, ...Object.fromEntries(values) });
    },
    save: (file) => saveOnnx(model, values, file),
    saveParameters: (file) =>
      writeSafetensors(
        file,
        Object.fromEntries(
          built.params.map(({ spec: { name, shape } }) => [name, { shape, data: values.get(name)! }]),
        ),
        { format: "dualtail.onnx-parameters" },
      ),
    async loadParameters(file) {
      for (const [name, data] of await readParameters(file, built)) values.set(name, data);
    },
    async release() {
      const compiled = await Promise.allSettled(programs.values());
      const held = compiled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      programs.clear();
      const freed = await Promise.allSettled([step, ...held].map((one) => one.release()));
      const failed = freed.find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
    },
  };
}

/** All of a model's parameters from a file. @throws DualtailError when one is missing or of another shape */
async function readParameters(file: string, { params }: BuiltModel): Promise<Map<string, Float32Array>> {
  const header = await readSafetensorsHeader(file);
  const read = new Map<string, Float32Array>();
  for (const { spec } of params) {
    const entry = header.tensors.get(spec.name);
    if (entry?.shape.join() !== spec.shape.join()) {
      const found = entry === undefined ? "is missing" : `has shape [${entry.shape}], not [${spec.shape}]`;
      throw new DualtailError(`${file}: the parameter "${spec.name}" ${found}`, {
        hint: "train the same weights, with the same ranks, as when it was saved",
      });
    }
    read.set(spec.name, await readTensor(header, spec.name));
  }
  return read;
}

/** An operator through which a gradient would have to flow, and that has none. */
export class NoGradientError extends DualtailError {
  readonly op: string;
  /** Its name in the file. */
  readonly node: string;

  constructor({ op, name }: { op: string; name: string }, cause: DualtailError) {
    super(
      `node "${name}": ${op} has no gradient, and lies between what is trained and the loss: ${cause.message}`,
      {
        hint: "train only weights that come after it in the model",
        cause,
      },
    );
    this.op = op;
    this.node = name;
  }
}

/** The error with the file's name of the operator that it is about. */
function named(error: unknown, { parsed }: BuiltModel): unknown {
  if (!(error instanceof UnknownOpError || error instanceof UndifferentiableError)) return error;
  const origin = error.node && parsed.originOf(error.node);
  return origin ? new NoGradientError(origin, error) : error;
}
