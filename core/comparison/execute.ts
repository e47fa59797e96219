import { join } from "node:path";
import { DualtailError, describeError } from "../errors.ts";
import { type Metrics, metricsToRecord } from "../evaluation/index.ts";
import type { TrackedRun, Tracker } from "../tracking/tracker.ts";
import { logCheckpoint, logRowArtifacts } from "./execute/artifacts.ts";
import { type PreparedBackbone, prepareBackbone } from "./execute/backbone.ts";
import { combineCell } from "./execute/combine-cell.ts";
import { Interrupted, throwIfAborted } from "./execute/context.ts";
import { logDatasetInputs } from "./execute/dataset-inputs.ts";
import { featureQuality } from "./execute/feature-quality.ts";
import { createImageStores } from "./execute/images.ts";
import { loadContext } from "./execute/load-context.ts";
import { groupsOf, measure } from "./execute/measure.ts";
import { commonParams } from "./execute/params.ts";
import { loadTestLogits, saveTestLogits } from "./execute/predictions.ts";
import { reportPrior } from "./execute/prior-report.ts";
import {
  cellEntry,
  distinctBackbones,
  type Measured,
  type RowEntry,
  tagsOf,
  zeroShotEntry,
} from "./execute/rows.ts";
import { openRunFolder, type RunFolder, runFolderName } from "./execute/run-folder.ts";
import { type SaveRecord, underRun } from "./execute/run-status.ts";
import { saveCombination } from "./execute/save-model.ts";
import { gitTags } from "./execute/source.ts";
import { summarize } from "./execute/summary.ts";
import { type TrainingHistory, trainCell } from "./execute/train-cell.ts";
import type { ComparisonResult, ExecuteComparison, ExecuteOptions, ResultRow } from "./execution-types.ts";
import { type CellBackbone, describePlan } from "./plan/index.ts";

/** Runs a plan: one parent run, a nested run per cell and per zero-shot row, the table and plots on the parent. */
export const executeComparison: ExecuteComparison = async (options) => {
  const { config, outputDir, resume } = options;
  throwIfAborted(options.signal);
  const tracker = await options.openTracker(config.experiment);
  const path = resume ?? join(outputDir, runFolderName(config.name, new Date()));
  try {
    const folder = await openRunFolder(path, config.experiment, { resume: resume !== undefined });
    const parent = await openParent(tracker, folder, options);
    return await underRun(
      parent,
      (record) => folder.setParent(record),
      options.signal,
      () => runPlan(options, tracker, folder, parent),
    );
  } catch (error) {
    if (!options.signal.aborted || !(error instanceof DualtailError)) throw error;
    throw new Interrupted(error.message, path);
  } finally {
    await tracker.close();
  }
};

async function openParent(tracker: Tracker, folder: RunFolder, options: ExecuteOptions): Promise<TrackedRun> {
  const { config, plan, configSource, baseDir } = options;
  const known = folder.state.parent;
  if (known) return tracker.resumeRun(known.runId, config.name);
  const tags = { ...(await gitTags(baseDir)), "dualtail.kind": "comparison" };
  const parent = await tracker.startRun({ name: config.name, tags });
  await folder.setParent({ runId: parent.id, status: "RUNNING" });
  await parent.logParams({
    ...commonParams(config),
    cells: plan.cells.length,
    seeds: JSON.stringify(config.seeds),
  });
  await parent.logArtifact("config.yaml", configSource);
  await parent.logArtifact("config.resolved.json", `${JSON.stringify(config, null, 2)}\n`);
  const { text, json } = describePlan(plan);
  await parent.logArtifact("plan.txt", `${text}\n`);
  await parent.logArtifact("plan.json", `${JSON.stringify(json, null, 2)}\n`);
  return parent;
}

async function runPlan(
  options: ExecuteOptions,
  tracker: Tracker,
  folder: RunFolder,
  parent: TrackedRun,
): Promise<ComparisonResult> {
  const context = await loadContext(options);
  await logDatasetInputs(context, parent);
  const images = createImageStores(context);
  const prepared = new Map<string, Promise<PreparedBackbone>>();
  const backbonesOf = (cell: { readonly backbones: readonly CellBackbone[] }) =>
    Promise.all(
      cell.backbones.map((backbone) => {
        const known = prepared.get(backbone.label) ?? prepareBackbone(context, backbone, images);
        prepared.set(backbone.label, known);
        return known;
      }),
    );
  const rows: ResultRow[] = [];
  const failed: { label: string; reason: string }[] = [];
  const summaries: { row: ResultRow; metrics?: Metrics; history?: TrainingHistory }[] = [];

  const attempt = async (entry: RowEntry, work: (run: TrackedRun) => Promise<Measured>) => {
    throwIfAborted(options.signal);
    const known = folder.state.runs[entry.id];
    const keep = (own: Readonly<Record<string, number>>, measured?: Measured) => {
      if (entry.hidden) return;
      const row: ResultRow = { ...entry.row, metrics: own };
      rows.push(row);
      summaries.push({
        row,
        ...(measured ? { metrics: measured.metrics } : {}),
        ...(measured?.history ? { history: measured.history } : {}),
      });
    };
    if (known?.status === "FINISHED" && known.metrics) return keep(known.metrics);
    const run = known
      ? await tracker.resumeRun(known.runId, entry.row.label)
      : await tracker.startRun({
          name: entry.row.label,
          parent,
          tags: tagsOf(entry),
        });
    await folder.setRun(entry.id, { runId: run.id, status: "RUNNING" });
    try {
      if (!known) await run.logParams({ ...commonParams(context.config), ...entry.params });
      let metrics: Record<string, number> = {};
      const save: SaveRecord = (record) =>
        folder.setRun(entry.id, { ...record, ...(record.status === "FINISHED" ? { metrics } : {}) });
      await underRun(run, save, options.signal, async () => {
        await logDatasetInputs(context, run);
        const measured = await work(run);
        metrics = { ...metricsToRecord(measured.metrics), ...measured.extra };
        const timestamp = Date.now();
        await run.logMetrics(
          Object.entries(metrics).map(([key, value]) => ({ key, value, step: 0, timestamp })),
        );
        await logRowArtifacts(context, run, { ...measured, title: entry.row.label });
        keep(metrics, measured);
      });
    } catch (error) {
      if (options.signal.aborted || !(error instanceof DualtailError)) throw error;
      const reason = describeError(error);
      failed.push({ label: entry.row.label, reason });
      options.reporter.warn(`${entry.row.label}: ${reason}`);
    }
  };

  for (const backbone of distinctBackbones(options.plan.cells)) {
    // A backbone that cannot be opened ends the comparison: every row needs it.
    const [ready] = await backbonesOf({ backbones: [backbone] });
    await attempt(zeroShotEntry(backbone), async (run) => {
      const { logits, features } = await ready!.zeroShot("test");
      const groups = await groupsOf(context, [ready!]);
      const bank = context.dataset.validation ? (await ready!.zeroShot("validation")).features : undefined;
      const sets = bank && [{ bank, queries: features, width: ready!.checkpoint.config.vision.width }];
      const metrics = await measure(context, "test", logits, groups, sets);
      const extra = {
        ...(await reportPrior(context, run, ready!, metrics)),
        ...(await featureQuality(context, sets)),
      };
      return { scores: logits, metrics, groups, backbones: [ready!], extra };
    });
  }
  for (const cell of options.plan.cells) {
    const entry = cellEntry(cell);
    await attempt(entry, async (run): Promise<Measured> => {
      const backbones = await backbonesOf(cell);
      const groups = await groupsOf(context, backbones);
      const cellFolder = await folder.cell(cell.key);
      if (cell.kind === "post-hoc") {
        const logits = await Promise.all(cell.dependsOn.map((id) => dependencyLogits(options, folder, id)));
        const scores = await combineCell(context, cell, backbones, logits);
        const keys = cell.dependsOn.map((id) => options.plan.cells.find((other) => other.id === id)!.key);
        await saveCombination(context, cell, keys, cellFolder);
        return {
          scores,
          groups,
          backbones,
          metrics: await measure(context, "test", scores, groups),
          extra: {},
        };
      }
      const trained = await trainCell(context, cell, backbones, groups, { run, folder: cellFolder });
      await saveTestLogits(cellFolder, trained.testLogits, context.dataset.classNames.length);
      await logCheckpoint(run, trained.checkpointDir, cell);
      const metrics = await measure(context, "test", trained.scores, groups, trained.features);
      return {
        scores: trained.scores,
        groups,
        backbones,
        metrics,
        history: trained.curve,
        extra: {
          trainable_parameters: trained.trainable,
          ...(await featureQuality(context, trained.features)),
        },
      };
    });
  }
  const tables = await summarize(context, parent, folder, summaries);
  return { rows, ...tables, ...(parent.url ? { url: parent.url } : {}), folder: folder.path, failed };
}

/** Test logits of a cell that this one builds on. @throws DualtailError when that cell did not finish */
async function dependencyLogits(
  { plan }: ExecuteOptions,
  folder: RunFolder,
  id: string,
): Promise<Float32Array> {
  const cell = plan.cells.find((other) => other.id === id)!;
  if (folder.state.runs[id]?.status !== "FINISHED") {
    throw new DualtailError(`it builds on "${cell.label}", which did not finish`);
  }
  return loadTestLogits(await folder.cell(cell.key));
}
