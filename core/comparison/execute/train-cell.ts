import { join } from "node:path";
import { metricsToRecord } from "../../evaluation/index.ts";
import type { TrackedRun } from "../../tracking/tracker.ts";
import { type FinetuneOptions, finetune } from "../../training/finetune.ts";
import { adamw, type Optimizer, sgd } from "../../training/optimizers/index.ts";
import { compilePredictor } from "../../training/predict.ts";
import { epochBatches } from "../../training/sampler.ts";
import { schedules } from "../../training/schedule.ts";
import type { ComparisonConfig } from "../config/index.ts";
import type { Cell } from "../plan/index.ts";
import type { CurvePoint } from "../presentation/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import { type ExecutionContext, Interrupted, type SplitName, splitOf, throwIfAborted } from "./context.ts";
import { openHistory } from "./history-file.ts";
import { type FeatureSet, type GroupsOfRow, measure } from "./measure.ts";
import { combineLogits, strataMasses } from "./predictions.ts";
import { saveModel } from "./save-model.ts";
import { strataOf } from "./strata.ts";

const optimizers: {
  readonly [K in ComparisonConfig["train"]["optimizer"]["use"]]: (options: never) => Optimizer;
} = {
  sgd,
  adamw,
};

/** Loss per step and validation accuracy per epoch. */
export interface TrainingHistory {
  readonly loss: readonly CurvePoint[];
  readonly accuracy: readonly CurvePoint[];
}

export interface TrainedCell {
  /** Per backbone, [N_test, K]. */
  readonly testLogits: readonly Float32Array[];
  /** [N_test, K] */
  readonly scores: Float32Array;
  readonly features: readonly FeatureSet[] | undefined;
  readonly curve: TrainingHistory;
  readonly trainable: number;
  readonly checkpointDir: string;
}

export interface TrainCellOptions {
  readonly run: TrackedRun;
  /** Of the cell. */
  readonly folder: string;
  /** Called when an epoch's checkpoint and metrics are there. */
  readonly onCheckpoint?: ((checkpointDir: string, now: boolean) => Promise<void>) | undefined;
}

/** Fine-tunes one cell (one backbone, or all of them jointly) and runs it over the test set. */
export async function trainCell(
  context: ExecutionContext,
  cell: Cell,
  backbones: readonly PreparedBackbone[],
  groups: GroupsOfRow,
  { run, folder, onCheckpoint }: TrainCellOptions,
): Promise<TrainedCell> {
  const { config, dataset, registry, reporter, signal, compile } = context;
  const { train } = config;
  const peft = config.peft.map(({ use, options }) => ({ plugin: registry.get("peft", use), options }));
  const prefix = (m: number) => (backbones.length === 1 ? "" : `stratum${m}.`);
  const members = await inOrder(backbones, async (backbone, m) => {
    const strata = await strataOf(context, cell, backbone, { run, folder });
    return backbone.member(prefix(m), peft, cell.seed, strata);
  });
  const classes = dataset.classNames.length;
  const checkpointDir = join(folder, "checkpoints");
  const optimizer = optimizers[train.optimizer.use](train.optimizer.options as never);

  const predictors = await Promise.all(
    members.map((member) => compilePredictor(member, classes, config.evaluation.batchSize, compile)),
  );
  const predict = (
    split: SplitName,
    params: ReadonlyMap<string, Float32Array>,
    onBatch?: (n: number) => void,
  ) =>
    inOrder(predictors, (predictor, m) => {
      const backbone = backbones[m]!;
      const count = splitOf(context, split).labels.length;
      return predictor.predict(backbone.load(split), count, params, {
        views: backbone.views(split),
        onBatch(n) {
          throwIfAborted(signal);
          onBatch?.(n);
        },
      });
    });

  const history = await openHistory(folder);
  const perEpoch = epochBatches(dataset.train.labels.length, train.batchSize);
  const stage = reporter.stage(
    cell.label,
    train.epochs * perEpoch * train.batchSize * members.length,
    "images",
  );
  let resumed = false;
  try {
    const result = await finetune({
      ...compile,
      members,
      classes,
      labels: dataset.train.labels,
      loss: await lossOf(context, cell, backbones),
      epochs: train.epochs,
      batchSize: train.batchSize,
      ...(train.microBatchSize === undefined ? {} : { microBatchSize: train.microBatchSize }),
      wholeBatch: cell.recipe.mode === "single" && cell.recipe.wholeBatch === true,
      recompute: train.recompute,
      optimizer,
      lr: train.optimizer.options.lr,
      schedule: schedules[train.schedule],
      seed: cell.seed,
      checkpointDir,
      signal,
      async onStep({ step, epoch, loss, lr, images, imagesPerSecond }) {
        if (!resumed) {
          resumed = true;
          stage.advance(step * images * members.length);
        }
        stage.advance(images * members.length);
        await history.add("loss", { step, value: loss });
        const timestamp = Date.now();
        await run.logMetrics(
          Object.entries({
            "train/loss": loss,
            "train/lr": lr,
            "train/images_per_second": imagesPerSecond * members.length,
            "train/epoch": epoch,
          }).map(([key, value]) => ({ key, value, step, timestamp })),
        );
      },
      async onEpoch(epoch, params) {
        if (!dataset.validation) return onCheckpoint?.(checkpointDir, false);
        const outputs = await predict("validation", params).catch((error: unknown) => {
          if (error instanceof Interrupted) return undefined;
          throw error;
        });
        // Training stops at its next step and says at which; who goes on makes up for this epoch's validation.
        if (outputs === undefined) return undefined;
        const scores = await combineLogits(
          cell.recipe,
          outputs.map(({ logits }) => logits),
          classes,
          compile,
        );
        const metrics = await measure(context, "validation", scores, groups);
        const step = (epoch + 1) * perEpoch - 1;
        await history.add("accuracy", { step: epoch + 1, value: metrics.overall });
        const timestamp = Date.now();
        await run.logMetrics(
          Object.entries(metricsToRecord(metrics, "validation")).map(([key, value]) => ({
            key,
            value,
            step,
            timestamp,
          })),
        );
        await onCheckpoint?.(checkpointDir, false);
      },
    });
    stage.done();
    await saveModel(context, cell, { backbones, members }, folder);
    const tested = reporter.stage(
      `${cell.label}: test`,
      dataset.test.labels.length * members.length,
      "images",
    );
    const test = await predict("test", result.params, (n) => tested.advance(n));
    const wantsKnn = config.evaluation.knn.enabled && dataset.validation !== undefined;
    const bank = wantsKnn ? await predict("validation", result.params) : undefined;
    tested.done();
    const testLogits = test.map(({ logits }) => logits);
    return {
      testLogits,
      scores: await combineLogits(cell.recipe, testLogits, classes, compile),
      features: bank?.map(({ features, width }, m) => ({
        bank: features,
        queries: test[m]!.features,
        width,
      })),
      curve: { loss: history.points("loss"), accuracy: history.points("accuracy") },
      trainable: result.trainable,
      checkpointDir,
    };
  } finally {
    stage.done(signal.aborted ? "stopped" : undefined);
    await inOrder(predictors, (predictor) => predictor.release());
  }
}

/** One after the other: each of them already uses every core. */
async function inOrder<T, R>(list: readonly T[], run: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of list.entries()) results.push(await run(item, index));
  return results;
}

/** The cell's loss as a graph over the members' logits, with the priors as constants. */
async function lossOf(
  { classPrior, trainCounts, dataset, config }: ExecutionContext,
  { recipe, needsPretrainPrior }: Cell,
  backbones: readonly PreparedBackbone[],
): Promise<FinetuneOptions["loss"]> {
  const pretrain = needsPretrainPrior ? (await backbones[0]!.prior()).prior : undefined;
  const classes = dataset.classNames.length;
  return (g, logits, labels, models) => {
    const prior = g.constant(classPrior, [classes]);
    if (recipe.mode === "joint") {
      const strataPrior = strataMasses(recipe, backbones.length);
      return recipe.build(g, { logits, labels, classPrior: prior, strataPrior });
    }
    if (recipe.mode === "post-hoc") throw new TypeError("a post-hoc cell is not trained");
    const pretrainPrior = pretrain && g.constant(Float32Array.from(pretrain), [classes]);
    return recipe.build(g, {
      logits: logits[0]!,
      labels,
      classPrior: prior,
      classCounts: [...trainCounts],
      headScale: config.head.scale,
      ...(pretrainPrior ? { pretrainPrior } : {}),
      ...(models[0]?.strata ? { strata: models[0].strata } : {}),
    });
  };
}
