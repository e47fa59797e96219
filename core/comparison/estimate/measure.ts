import { createGraph, sizeOf } from "../../graph/index.ts";
import type { CompileOptions, Feeds } from "../../runtime/index.ts";
import { buildMembers } from "../../training/finetune.ts";
import type { Optimizer } from "../../training/optimizers/index.ts";
import { initParams } from "../../training/params.ts";
import { compilePredictor } from "../../training/predict.ts";
import { compileTrainStep } from "../../training/train-step.ts";
import type { Plan } from "../plan/index.ts";
import type { Timings } from "./time.ts";
import type { Known, TrainingCost } from "./training.ts";

export interface MeasuredTimings extends Timings {
  /** Whether there is a time for every training and every backbone. */
  readonly complete: boolean;
  readonly notes: readonly string[];
}

/** Timed runs of each program, after one that warms up; the quickest counts. */
const REPEATS = 2;

/**
 * Times one micro-batch of every kind of training and one batch of evaluation per backbone, on the device and with the
 * weights that training will use, over images that mean nothing. Trainings with the same work (backbones, operations,
 * trained numbers) are one kind.
 * @throws DeviceError, RunError as training would
 */
export async function measureSteps({
  known,
  plan,
  trainings,
  optimizer,
}: {
  readonly known: Known;
  readonly plan: Plan;
  readonly trainings: ReadonlyMap<string, TrainingCost>;
  readonly optimizer: Optimizer;
}): Promise<MeasuredTimings> {
  const { config, data, backbones } = known;
  const { device, threads } = config;
  const options: CompileOptions = { device, ...(threads === undefined ? {} : { threads }) };
  const missing = [...backbones.values()]
    .filter(({ missingBytes }) => missingBytes > 0)
    .map(({ label }) => label);
  const steps = new Map<string, number>();
  const batches = new Map<string, number>();
  const kinds = new Map<string, number>();
  for (const cell of plan.cells) {
    const training = trainings.get(cell.id);
    const labels = cell.backbones.map(({ label }) => label);
    if (training === undefined || labels.some((label) => missing.includes(label))) continue;
    const { step, micro, members } = training;
    const kind = JSON.stringify([labels, step.flops, step.trainable, micro]);
    const one = kinds.get(kind) ?? (await timeMicroBatch(training, known, optimizer, options));
    kinds.set(kind, one);
    steps.set(cell.id, (one * config.train.batchSize) / micro);
    for (const [m, label] of labels.entries()) {
      if (batches.has(label)) continue;
      const { classes } = data.sizes;
      batches.set(label, await timeBatch(members[m]!, classes, config.evaluation.batchSize, options));
    }
  }
  return {
    steps,
    batches,
    complete: missing.length === 0,
    notes: missing.length > 0 ? [`not measured: ${missing.join(", ")}, not on this machine`] : [],
  };
}

/** Seconds of the quickest of a few runs. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= REPEATS; i++) {
    const started = performance.now();
    await run();
    if (i > 0) best = Math.min(best, (performance.now() - started) / 1000);
  }
  return best;
}

async function timeMicroBatch(
  { members, loss: lossOf, micro }: TrainingCost,
  { config, data }: Known,
  optimizer: Optimizer,
  options: CompileOptions,
): Promise<number> {
  const { batchSize, recompute } = config.train;
  const { classes } = data.sizes;
  const g = createGraph();
  const models = buildMembers(g, members, classes, micro);
  const labels = g.input("labels", "int64", [micro]);
  const loss = lossOf(
    g,
    models.map(({ logits }) => logits),
    labels,
    models,
  );
  const declared = models.flatMap(({ params }) => params);
  const step = await compileTrainStep({
    ...options,
    graph: g,
    loss,
    params: declared.map(({ value }) => value),
    values: await initParams(
      declared.map(({ name, value: { shape }, init }) => ({ name, shape, init })),
      0,
    ),
    optimizer,
    accumulate: batchSize / micro,
    recompute,
  });
  try {
    const feeds: Feeds = {
      labels: BigInt64Array.from({ length: micro }, (_, i) => BigInt(i % classes)),
      ...Object.fromEntries(models.map(({ pixels: { name, shape } }) => [name, noise(sizeOf(shape))])),
    };
    return await timed(() => step.run([feeds], { step: 0, lr: 0 }));
  } finally {
    await step.release();
  }
}

async function timeBatch(
  member: TrainingCost["members"][number],
  classes: number,
  batch: number,
  options: CompileOptions,
): Promise<number> {
  const [model] = buildMembers(createGraph(), [member], classes, 1);
  const params = await initParams(
    model!.params.map(({ name, value: { shape }, init }) => ({ name, shape, init })),
    0,
  );
  const predictor = await compilePredictor(member, classes, batch, options);
  try {
    return await timed(() => predictor.predict(async () => {}, batch, params));
  } finally {
    await predictor.release();
  }
}

/** Numbers in [−1, 1) that look like normalised pixels to a processor: no zeros, nothing too small. */
const noise = (length: number) => Float32Array.from({ length }, (_, i) => ((i * 7919) % 1024) / 512 - 1);
