import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { argmaxRows, crossGroups, type Metrics, softmaxRows } from "../../evaluation/index.ts";
import { MODEL_FILE } from "../../exchange/index.ts";
import type { TrackedRun } from "../../tracking/tracker.ts";
import { newestCheckpoint } from "../../training/checkpoint.ts";
import type { Cell } from "../plan/index.ts";
import { crossingPlot, perClassPlot, perClassTable, trainingCurvesPlot } from "../presentation/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import type { ExecutionContext } from "./context.ts";
import type { GroupsOfRow } from "./measure.ts";
import type { TrainingHistory } from "./train-cell.ts";

/** Artifact with a record per class. */
export const PER_CLASS_FILE = "per-class.json";

export interface RowArtifacts {
  readonly title: string;
  readonly scores: Float32Array;
  readonly metrics: Metrics;
  readonly groups: GroupsOfRow;
  readonly backbones: readonly PreparedBackbone[];
  readonly history?: TrainingHistory;
}

/** Per-class table, predictions and plots of one row of the result. */
export async function logRowArtifacts(
  context: ExecutionContext,
  run: TrackedRun,
  row: RowArtifacts,
): Promise<void> {
  const { dataset, trainCounts } = context;
  const { metrics, groups, backbones, title, history } = row;
  const counts = backbones.length === 1 ? backbones[0]!.pretrainCounts : undefined;
  const table = perClassTable({
    classNames: dataset.classNames,
    trainCounts,
    accuracy: metrics.perClass,
    prior: groups.prior,
    ...(counts ? { pretrainCounts: counts } : {}),
    downstream: groups.downstream,
    pretrain: groups.pretrain,
  });
  await run.logArtifact("per-class.csv", table.csv);
  await run.logArtifact(PER_CLASS_FILE, table.json);
  await run.logArtifact("predictions.csv", predictionsCsv(context, row.scores));
  const perClass = await perClassPlot({
    title,
    series: [{ name: title, accuracy: metrics.perClass }],
    trainCounts,
    prior: groups.prior,
    priorLabel:
      groups.priorSource === "recorded" ? "Recorded pre-training share" : "Estimated pre-training prior",
  });
  await logPlot(run, "plots/per-class-accuracy.svg", perClass);
  if (metrics.crossing) {
    const classes = crossGroups(groups.downstream, groups.pretrain).map((cells) =>
      cells.map(({ length }) => length),
    );
    await logPlot(
      run,
      "plots/groups-3x3.svg",
      await crossingPlot({ title, accuracy: metrics.crossing, classes }),
    );
  }
  if (history && history.loss.length > 0) {
    const curves = await trainingCurvesPlot({
      title,
      series: [{ name: title, ...history }],
      accuracyLabel: "Validation accuracy",
    });
    await logPlot(run, "plots/training-curves.svg", curves);
  }
}

/** Logs a plot, unless there was nothing to draw. */
export async function logPlot(run: TrackedRun, path: string, svg: string | undefined): Promise<void> {
  if (svg !== undefined) await run.logArtifact(path, svg);
}

/** One line per test image: label, prediction, its probability. */
function predictionsCsv({ dataset }: ExecutionContext, scores: Float32Array): string {
  const classes = dataset.classNames.length;
  const { labels, images } = dataset.test;
  const predicted = argmaxRows(scores, labels.length, classes);
  const probabilities = softmaxRows(scores, classes);
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const lines = Array.from(predicted, (k, i) => {
    const image = images[i]!;
    const cells = [
      quote(image.kind === "file" ? image.path : image.name),
      quote(dataset.classNames[labels[i]!]!),
      quote(dataset.classNames[k]!),
      probabilities[i * classes + k]!.toFixed(6),
      String(Number(k === labels[i])),
    ];
    return cells.join(",");
  });
  return `${["image,label,predicted,probability,correct", ...lines].join("\n")}\n`;
}

/** Above it test logits (classes × images × 4 bytes) stay on disk. */
const MAX_LOGGED_LOGITS = 64 * 2 ** 20;

/** Test logits, so that a later comparison on another machine can combine them without training. @param most bytes */
export async function logTestLogits(run: TrackedRun, file: string, most = MAX_LOGGED_LOGITS): Promise<void> {
  if ((await stat(file)).size <= most) await run.logArtifactFile(basename(file), file);
}

/** Adapters, optimizer state and position of the newest checkpoint, and what they belong to. */
export async function logCheckpoint(run: TrackedRun, checkpointDir: string, cell: Cell): Promise<void> {
  const newest = await newestCheckpoint(checkpointDir);
  if (newest === undefined) return;
  for (const file of ["adapters.safetensors", "optimizer.safetensors", "state.json"]) {
    // As files: with full fine-tuning they may be larger than what one buffer holds.
    await run.logArtifactFile(`checkpoint/${file}`, join(newest, file));
  }
  await run.logArtifactFile(`checkpoint/${MODEL_FILE}`, join(dirname(checkpointDir), MODEL_FILE));
  const { id, loss, backbones, seed } = cell;
  await run.logArtifact(
    "checkpoint/cell.json",
    `${JSON.stringify({ id, loss, backbones, seed }, null, 2)}\n`,
  );
}
