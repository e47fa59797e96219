import { join } from "node:path";
import { DualtailError, describeError } from "../errors.ts";
import type { TrackedRun, Tracker } from "../tracking/tracker.ts";
import { type PreparedBackbone, prepareBackbone } from "./execute/backbone.ts";
import { cellRunId } from "./execute/cell-run-id.ts";
import { combineCell } from "./execute/combine-cell.ts";
import { Interrupted, throwIfAborted } from "./execute/context.ts";
import { logDatasetInputs } from "./execute/dataset-inputs.ts";
import { featureQuality } from "./execute/feature-quality.ts";
import { createFingerprints, FINGERPRINT } from "./execute/fingerprint.ts";
import { createImageStores } from "./execute/images.ts";
import { loadContext } from "./execute/load-context.ts";
import { logModel } from "./execute/log-model.ts";
import { logRow } from "./execute/log-row.ts";
import { groupsOf, measure } from "./execute/measure.ts";
import { commonParams } from "./execute/params.ts";
import { loadTestLogits } from "./execute/predictions.ts";
import { reportPrior } from "./execute/prior-report.ts";
import { replacedTags } from "./execute/replaced.ts";
import { adoptFinishedRuns, logReused, type PlannedRow } from "./execute/reuse.ts";
import { cellEntry, distinctBackbones, type Measured, tagsOf, zeroShotEntry } from "./execute/rows.ts";
import { openRunFolder, type RunFolder, type RunRecord, runFolderName } from "./execute/run-folder.ts";
import { type SaveRecord, underRun } from "./execute/run-status.ts";
import { saveCombination } from "./execute/save-model.ts";
import { gitTags } from "./execute/source.ts";
import { type RowSummary, summarize } from "./execute/summary.ts";
import type { TrainingHistory } from "./execute/train-cell.ts";
import { trainedCell } from "./execute/trained-cell.ts";
import { collectTrained, orderTraining } from "./execute/trained-elsewhere.ts";
import type { ComparisonResult, ExecuteComparison, ExecuteOptions, ResultRow } from "./execution-types.ts";
import { type Cell, describePlan } from "./plan/index.ts";

/** Runs a plan: one parent run, a nested run per cell and per zero-shot row, the table and plots on the parent. */
export const executeComparison: ExecuteComparison = async (options) => {
  const { adopt, config, outputDir, resume, identity } = options;
  throwIfAborted(options.signal);
  const tracker = await options.openTracker(config.experiment);
  const path = resume ?? adopt?.folder ?? join(outputDir, runFolderName(config.name, new Date()));
  let folder: RunFolder | undefined;
  let parent: TrackedRun;
  let result: ComparisonResult;
  try {
    const opened = await openRunFolder(path, config.experiment, {
      resume: resume !== undefined,
      exact: resume !== undefined || adopt !== undefined,
      identity,
    });
    folder = opened;
    const run = await openParent(tracker, opened, options);
    parent = run;
    result = await underRun(
      run,
      (record) => opened.setParent(record),
      options.signal,
      () => runPlan(options, tracker, opened, run),
    );
  } catch (error) {
    if (!options.signal.aborted || !(error instanceof DualtailError)) throw error;
    throw new Interrupted(error.message, folder?.path ?? path);
  } finally {
    await tracker.close().finally(() => folder?.release());
  }
  // Known now at the latest: the server may be behind the run.
  return parent.url ? { ...result, url: parent.url } : result;
};

async function openParent(tracker: Tracker, folder: RunFolder, options: ExecuteOptions): Promise<TrackedRun> {
  const { adopt, config, plan, configSource, baseDir } = options;
  const known = folder.state.parent;
  const kind = { "dualtail.kind": "comparison" };
  const tags = { ...(await gitTags(baseDir)), ...kind, ...replacedTags(options), ...adopt?.tags };
  const id = adopt?.id ?? folder.state.id;
  const parent = known
    ? await tracker.resumeRun(known.runId, config.name)
    : await tracker.startRun({ name: config.name, tags, ...(id ? { id, serverId: adopt?.serverId } : {}) });
  await folder.setParent({ runId: parent.id, status: "RUNNING" });
  // Also by who goes on: the one before may have been killed in the middle of it.
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
  const distinct = distinctBackbones(options.plan.cells);
  const prepared = new Map<string, PreparedBackbone>();
  // A backbone that cannot be opened ends the comparison: every row needs it.
  for (const backbone of distinct) {
    throwIfAborted(options.signal);
    prepared.set(backbone.label, await prepareBackbone(context, backbone, images));
  }
  const backbonesOf = (cell: Cell) => cell.backbones.map(({ label }) => prepared.get(label)!);
  const fingerprints = createFingerprints(context);
  const zeroShotRows = await Promise.all(
    distinct.map(async (backbone) => {
      const ready = prepared.get(backbone.label)!;
      const fingerprint = await fingerprints.zeroShot(backbone, ready);
      return { entry: zeroShotEntry(backbone), fingerprint, backbone: ready };
    }),
  );
  const cellRows = await Promise.all(
    options.plan.cells.map(async (cell) => {
      const fingerprint = await fingerprints.cell(cell, backbonesOf(cell));
      return { entry: cellEntry(cell), fingerprint, cell };
    }),
  );
  const planned = [...zeroShotRows, ...cellRows];
  const ownId = (id: string) => cellRunId(parent.id, id);
  const perClass = options.rerun
    ? new Map<string, ArrayLike<number>>()
    : await adoptFinishedRuns(options, context, tracker, folder, planned, ownId);
  await logReused(parent, folder, planned);
  // Others train while the zero-shot rows are made here.
  const elsewhere = orderTraining(options, folder, parent.id, cellRows);
  // Awaited below, perhaps long after it failed.
  elsewhere.catch(() => undefined);
  const rows: ResultRow[] = [];
  const failed: { label: string; reason: string }[] = [];
  const summaries: RowSummary[] = [];
  const histories = new Map<string, TrainingHistory>();

  const attempt = async (
    { entry, fingerprint }: PlannedRow,
    work: (run: TrackedRun) => Promise<Measured>,
  ) => {
    throwIfAborted(options.signal);
    const known = folder.state.runs[entry.id];
    const keep = async (own: Readonly<Record<string, number>>, measured?: Measured) => {
      if (entry.hidden) return;
      const row: ResultRow = { ...entry.row, metrics: own, ...sourceOf(known) };
      rows.push(row);
      const kept = measured ? {} : await folder.curves(entry.id);
      const history = measured?.history ?? histories.get(entry.id) ?? kept.history;
      const curves = {
        perClass: measured?.metrics.perClass ?? perClass.get(entry.id) ?? kept.perClass,
        ...(history ? { history } : {}),
      };
      summaries.push({ row, ...curves });
      await folder.setCurves(entry.id, curves);
    };
    if (known?.status === "FINISHED" && known.metrics) return keep(known.metrics);
    const run = known
      ? await tracker.resumeRun(known.runId, entry.row.label)
      : await tracker.startRun({
          name: entry.row.label,
          // An earlier process may have begun it and been killed before it could say so.
          id: ownId(entry.id),
          parent,
          tags: { ...tagsOf(entry), [FINGERPRINT]: fingerprint },
        });
    // Begun with other content: what comes of it is no result of either.
    if (known && known.fingerprint !== fingerprint) await run.setTags({ [FINGERPRINT]: "mixed" });
    await folder.setRun(entry.id, { runId: run.id, status: "RUNNING", fingerprint });
    try {
      await run.logParams({ ...commonParams(context.config), ...entry.params });
      let metrics: Record<string, number> = {};
      const save: SaveRecord = (record) =>
        folder.setRun(entry.id, {
          ...record,
          fingerprint,
          ...(record.status === "FINISHED" ? { metrics } : {}),
        });
      await underRun(run, save, options.signal, async () => {
        await logDatasetInputs(context, run);
        const measured = await work(run);
        metrics = await logRow(context, run, entry.row.label, measured);
        await keep(metrics, measured);
      });
    } catch (error) {
      if (options.signal.aborted || !(error instanceof DualtailError)) throw error;
      const reason = describeError(error);
      failed.push({ label: entry.row.label, reason });
      options.reporter.warn(`${entry.row.label}: ${reason}`);
    }
  };

  const zeroShotRow = (planned: (typeof zeroShotRows)[number]) => {
    const { backbone: ready } = planned;
    return attempt(planned, async (run) => {
      const { logits, features } = await ready.zeroShot("test");
      const groups = await groupsOf(context, [ready]);
      const bank = context.dataset.validation ? (await ready.zeroShot("validation")).features : undefined;
      const sets = bank && [{ bank, queries: features, width: ready.checkpoint.config.vision.width }];
      const metrics = await measure(context, "test", logits, groups, sets);
      const extra = {
        ...(await reportPrior(context, run, ready, metrics)),
        ...(await featureQuality(context, sets)),
      };
      return { scores: logits, metrics, groups, backbones: [ready], extra };
    });
  };
  try {
    for (const planned of zeroShotRows) await zeroShotRow(planned);
  } finally {
    // Stopped, too: whoever trains has to have ended.
    await elsewhere;
  }
  const reasons = await collectTrained(options, context, tracker, folder, {
    rows: cellRows,
    outcomes: await elsewhere,
    perClass,
    histories,
  });
  for (const planned of cellRows) {
    const { cell } = planned;
    const reason = reasons.get(cell.id);
    if (reason !== undefined) {
      failed.push({ label: cell.label, reason });
      options.reporter.warn(`${cell.label}: ${reason}`);
      continue;
    }
    await attempt(planned, async (run): Promise<Measured> => {
      const backbones = backbonesOf(cell);
      const groups = await groupsOf(context, backbones);
      const cellFolder = await folder.cell(cell.key);
      if (cell.kind === "post-hoc") {
        const logits = await Promise.all(cell.dependsOn.map((id) => dependencyLogits(options, folder, id)));
        const scores = await combineCell(context, cell, backbones, logits);
        const keys = cell.dependsOn.map((id) => options.plan.cells.find((other) => other.id === id)!.key);
        await saveCombination(context, cell, keys, cellFolder);
        await logModel(context, run, cell, cellFolder);
        return {
          scores,
          groups,
          backbones,
          metrics: await measure(context, "test", scores, groups),
          extra: {},
        };
      }
      return trainedCell(context, cell, backbones, { run, folder: cellFolder });
    });
  }
  const tables = await summarize(context, parent, folder, summaries);
  return { rows, ...tables, folder: folder.path, failed };
}

/** Where a row was taken from, when another comparison ran it. */
const sourceOf = (record: RunRecord | undefined): Pick<ResultRow, "reused"> =>
  record?.reused ? { reused: { run: record.runId, ...record.reused } } : {};

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
