import { setTimeout as sleep } from "node:timers/promises";
import type { FinishedRun, TrackedRun, Tracker } from "../../tracking/tracker.ts";
import type { ExecuteOptions, TrainingOutcome } from "../execution-types.ts";
import type { Cell } from "../plan/index.ts";
import { type ExecutionContext, throwIfAborted } from "./context.ts";
import { FINGERPRINT } from "./fingerprint.ts";
import { fetchFinishedCell } from "./finished-cell.ts";
import { type PlannedRow, perClassOf, rowMetrics } from "./reuse.ts";
import type { RunFolder } from "./run-folder.ts";
import type { TrainingHistory } from "./train-cell.ts";

type CellRow = PlannedRow & { readonly cell: Cell };

/** Artifact of a cell that was trained for another process: what the comparison draws curves of. */
const HISTORY_FILE = "training-history.json";

export const logHistory = (run: TrackedRun, history: TrainingHistory): Promise<void> =>
  run.logArtifact(HISTORY_FILE, JSON.stringify(history));

/** Has the cells that are still to be trained trained elsewhere, where there is such a place. */
export async function orderTraining(
  { plan, trainElsewhere, signal }: Pick<ExecuteOptions, "plan" | "trainElsewhere" | "signal">,
  folder: RunFolder,
  comparison: string,
  rows: readonly CellRow[],
): Promise<readonly TrainingOutcome[]> {
  if (trainElsewhere === undefined) return [];
  const orders = rows
    .filter(({ cell }) => cell.kind !== "post-hoc" && folder.state.runs[cell.id]?.status !== "FINISHED")
    .map(({ cell: { id, label }, fingerprint }) => {
      const index = plan.cells.findIndex((cell) => cell.id === id);
      return { cell: id, index, label, fingerprint };
    });
  return orders.length === 0 ? [] : trainElsewhere(comparison, orders, signal);
}

/** Wait before MLflow is asked once more for a run that is said to have finished, ms. */
const AGAIN = 2000;

/**
 * Enters what was trained elsewhere into the run folder, with what later cells and the summary need of it.
 * @returns why cells failed, by their ids
 */
export async function collectTrained(
  { plan, outputDir, signal }: Pick<ExecuteOptions, "plan" | "outputDir" | "signal">,
  { dataset }: Pick<ExecutionContext, "dataset">,
  tracker: Pick<Tracker, "finishedRuns">,
  folder: RunFolder,
  trained: {
    readonly rows: readonly CellRow[];
    readonly outcomes: readonly TrainingOutcome[];
    /** By cell; added to. */
    readonly perClass: Map<string, ArrayLike<number>>;
    readonly histories: Map<string, TrainingHistory>;
  },
): Promise<ReadonlyMap<string, string>> {
  const { rows, outcomes, perClass, histories } = trained;
  const reasons = new Map<string, string>();
  const size = dataset.test.labels.length * dataset.classNames.length;
  const needed = new Set(plan.cells.flatMap(({ dependsOn }) => dependsOn));
  const finished = outcomes.filter(({ failed }) => failed === undefined);
  for (const { cell, failed } of outcomes) if (failed !== undefined) reasons.set(cell, failed);
  for (const [id, run] of await runsOf(finished, tracker, signal)) {
    const { cell, entry, fingerprint } = rows.find((row) => row.cell.id === id)!;
    if (needed.has(id)) {
      await fetchFinishedCell(run, { outputDir, folder: await folder.cell(cell.key), size });
    }
    const accuracies = entry.hidden ? undefined : await perClassOf(run);
    const history = parseHistory(await run.artifact(HISTORY_FILE));
    if (accuracies) perClass.set(id, accuracies);
    if (history) histories.set(id, history);
    await folder.setCurves(id, { ...(accuracies && { perClass: accuracies }), ...(history && { history }) });
    const record = { runId: run.ownId ?? run.id, status: "FINISHED" as const, metrics: rowMetrics(run) };
    await folder.setRun(id, { ...record, fingerprint });
  }
  return reasons;
}

const parseHistory = (content: Uint8Array | undefined): TrainingHistory | undefined =>
  content && (JSON.parse(new TextDecoder().decode(content)) as TrainingHistory);

/** The finished runs, by cell; asks until MLflow gives all of them. */
async function runsOf(
  outcomes: readonly TrainingOutcome[],
  tracker: Pick<Tracker, "finishedRuns">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FinishedRun>> {
  for (;;) {
    const runs = outcomes.length === 0 ? [] : ((await tracker.finishedRuns?.(FINGERPRINT)) ?? []);
    const found = outcomes.flatMap(({ cell, runId }) => {
      const run = runs.find(({ ownId }) => ownId === runId);
      return run ? [[cell, run] as const] : [];
    });
    if (found.length === outcomes.length) return new Map(found);
    await sleep(AGAIN, undefined, { signal }).catch(() => undefined);
    throwIfAborted(signal);
  }
}
