import { DualtailError } from "../errors.ts";
import { createGraph, type Graph, sizeOf, type Value } from "../graph/index.ts";
import { type Classifier, type ClassifierOptions, classifier } from "../models/classifier.ts";
import { frozenWeights, type LocateTensor } from "../models/frozen-weights.ts";
import { type WorkAhead, workAhead } from "../models/images/work-ahead.ts";
import type { CompileOptions, Feeds } from "../runtime/index.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { automaticMicroBatch } from "./micro-batch.ts";
import type { Optimizer } from "./optimizers/index.ts";
import { initParams } from "./params.ts";
import { type Uniform, uniformFrom } from "./random.ts";
import { type EpochOrder, epochBatches, epochOrder } from "./sampler.ts";
import type { Schedule } from "./schedule.ts";
import { compileTrainStep, type TrainStep } from "./train-step.ts";

/**
 * Writes samples into `out`, [indices × C × H × W]: augmented by the numbers of `uniform`, or prepared as for evaluation
 * when there is none.
 */
export type LoadPixels = (indices: ArrayLike<number>, out: Float32Array, uniform?: Uniform) => Promise<void>;

/** One backbone in training: a single one, or a stratum of a joint loss. */
export interface Member extends Omit<ClassifierOptions, "weights" | "classes" | "prefix"> {
  readonly locate: LocateTensor;
  /** Keeps the parameters and inputs of several members apart; "" for a single one. */
  readonly prefix: string;
  readonly load: LoadPixels;
}

export interface FinetuneOptions extends CompileOptions {
  readonly members: readonly Member[];
  readonly classes: number;
  readonly labels: Int32Array;
  /** The loss over the members' logits [B, K] and the labels [B]; `models` are what the logits come from. */
  readonly loss: (g: Graph, logits: readonly Value[], labels: Value, models: readonly Classifier[]) => Value;
  readonly epochs: number;
  readonly batchSize: number;
  /** Images per pass; absent: what the processor's cache suits, or the batch when the loss needs it whole. */
  readonly microBatchSize?: number;
  /** The loss is more than the mean over the samples, so that a batch is not split unless `microBatchSize` says so. */
  readonly wholeBatch?: boolean;
  /** See TrainStepOptions. */
  readonly recompute?: boolean;
  readonly optimizer: Optimizer;
  readonly lr: number;
  readonly schedule: Schedule;
  readonly seed: number;
  /** Where checkpoints go; training continues from the newest one there. None: no checkpoints. */
  readonly checkpointDir?: string;
  /** Aborted: a checkpoint is saved and FinetuneAborted is thrown. */
  readonly signal?: AbortSignal;
  onStep?(step: StepReport): void | Promise<void>;
  /**
   * Called after every epoch, once its checkpoint is saved, with the parameters at that point. Training that goes on from
   * such a checkpoint calls it once more: it may have been stopped between the two.
   */
  onEpoch?(epoch: number, params: ReadonlyMap<string, Float32Array>): void | Promise<void>;
}

export interface StepReport {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly loss: number;
  readonly lr: number;
  readonly images: number;
  readonly imagesPerSecond: number;
}

export interface FinetuneResult {
  readonly params: ReadonlyMap<string, Float32Array>;
  readonly trainable: number;
  readonly steps: number;
  /** The step it continued from; 0 for a fresh start. */
  readonly resumedFrom: number;
}

/** The user stopped the training; what was reached is in the checkpoint. */
export class FinetuneAborted extends DualtailError {}

/** Fine-tunes PEFT modules and heads; everything that touches tensors runs as ONNX graphs. */
export async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  const {
    members,
    labels,
    batchSize,
    microBatchSize = openMicroBatch(options),
    seed,
    epochs,
    signal,
    checkpointDir,
  } = options;
  if (batchSize % microBatchSize !== 0) {
    throw new DualtailError(
      `train.microBatchSize ${microBatchSize} does not divide train.batchSize ${batchSize}`,
    );
  }
  const accumulate = batchSize / microBatchSize;
  const { step: trainStep, models } = await compileStep(options, microBatchSize, accumulate);
  const { state } = trainStep;
  const trainable = [...state.params.values()].reduce((sum, { length }) => sum + length, 0);
  let prepared: WorkAhead<Feeds[]> | undefined;
  try {
    const saved = checkpointDir === undefined ? undefined : await loadCheckpoint(checkpointDir, state);
    const resumedFrom = saved?.step ?? 0;
    const perEpoch = epochBatches(labels.length, batchSize);
    const steps = epochs * perEpoch;
    // Two sets: one step's images are prepared while the step before is computed.
    const pixels = Array.from({ length: 2 * accumulate }, () =>
      models.map(({ pixels: { shape } }) => new Float32Array(shape.reduce((a, b) => a * b, 1))),
    );
    let order: EpochOrder | undefined;
    const prepare = async (step: number): Promise<Feeds[]> => {
      const epoch = Math.floor(step / perEpoch);
      if (order?.epoch !== epoch) order = epochOrder(labels.length, batchSize, seed, epoch);
      const indices = order.batch(step % perEpoch);
      const batches: Feeds[] = [];
      // The same numbers for every member: strata of a joint loss see the same crops. One sequence for the whole batch:
      // how it is split changes nothing.
      const uniforms = members.map(() => uniformFrom(seed, "augment", step, 0));
      for (let part = 0; part < accumulate; part++) {
        const own = indices.subarray(part * microBatchSize, (part + 1) * microBatchSize);
        const outs = pixels[(step % 2) * accumulate + part]!;
        await Promise.all(members.map((member, m) => member.load(own, outs[m]!, uniforms[m]!)));
        batches.push({
          labels: BigInt64Array.from(own, (i) => BigInt(labels[i]!)),
          ...Object.fromEntries(models.map((model, m) => [model.pixels.name, outs[m]!])),
        });
      }
      return batches;
    };
    if (resumedFrom > 0 && resumedFrom % perEpoch === 0 && !signal?.aborted) {
      await options.onEpoch?.(resumedFrom / perEpoch - 1, state.params);
    }
    prepared = workAhead(resumedFrom, steps, prepare);
    for (let step = resumedFrom; step < steps; step++) {
      const [epoch, at] = [Math.floor(step / perEpoch), step % perEpoch];
      if (signal?.aborted) {
        if (checkpointDir !== undefined) await saveCheckpoint(checkpointDir, state, { step, seed });
        throw new FinetuneAborted(`stopped at step ${step} of ${steps}`);
      }
      const started = performance.now();
      const batches = await prepared.next();
      const lr = options.lr * options.schedule(epoch, epochs);
      const loss = await trainStep.run(batches, { step, lr });
      const imagesPerSecond = (batchSize * 1000) / (performance.now() - started);
      await options.onStep?.({ step, steps, epoch, loss, lr, images: batchSize, imagesPerSecond });
      if (at === perEpoch - 1) {
        if (checkpointDir !== undefined) await saveCheckpoint(checkpointDir, state, { step: step + 1, seed });
        await options.onEpoch?.(epoch, state.params);
      }
    }
    return { params: new Map(state.params), trainable, steps, resumedFrom };
  } finally {
    await prepared?.settle();
    await trainStep.release();
  }
}

function openMicroBatch(options: FinetuneOptions): number {
  const { members, classes, batchSize, wholeBatch } = options;
  if (wholeBatch) return batchSize;
  const declared = buildMembers(createGraph(), members, classes, 1).flatMap(({ params }) => params);
  const trainable = declared.reduce((sum, { value }) => sum + sizeOf(value.shape), 0);
  return automaticMicroBatch(batchSize, members, trainable, options);
}

interface BuiltMember extends Classifier {
  readonly pixels: Value;
}

/** The members' classifiers in one graph. */
export function buildMembers(
  g: Graph,
  members: readonly Member[],
  classes: number,
  batch: number,
): BuiltMember[] {
  return members.map((member) => {
    const { channels, imageSize } = member.shape;
    const pixels = g.input(`${member.prefix}pixels`, "float32", [batch, channels, imageSize, imageSize]);
    const weights = frozenWeights(g, member.locate, member.prefix);
    return { pixels, ...classifier(g, pixels, { ...member, weights, classes }) };
  });
}

async function compileStep(
  options: FinetuneOptions,
  batch: number,
  accumulate: number,
): Promise<{ step: TrainStep; models: readonly BuiltMember[] }> {
  const g = createGraph();
  const models = buildMembers(g, options.members, options.classes, batch);
  const labels = g.input("labels", "int64", [batch]);
  const loss = options.loss(
    g,
    models.map(({ logits }) => logits),
    labels,
    models,
  );
  const declared = models.flatMap(({ params }) => params);
  const values = await initParams(
    declared.map(({ name, value: { shape }, init }) => ({ name, shape, init })),
    options.seed,
  );
  const { optimizer } = options;
  const step = await compileTrainStep({
    ...options,
    graph: g,
    loss,
    params: declared.map(({ value }) => value),
    values,
    optimizer,
    accumulate,
  });
  return { step, models };
}
