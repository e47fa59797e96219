import type { TrackedRun, Tracker } from "../../tracking/tracker.ts";
import type { ExecuteOptions, TrainingOutcome } from "../execution-types.ts";
import type { Cell } from "../plan/index.ts";
import type { ExecutionContext } from "./context.ts";
import { fetchFinishedCell } from "./finished-cell.ts";
import { finishedElsewhere } from "./finished-elsewhere.ts";
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

/**
 * Enters what was trained elsewhere into the run folder, with what later cells and the summary need of it.
 * @returns why cells failed, by their ids
 */
export async function collectTrained(
  { plan, outputDir, signal, reporter }: Pick<ExecuteOptions, "plan" | "outputDir" | "signal" | "reporter">,
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
  const runs = await finishedElsewhere(finished, tracker, { signal, reporter });
  for (const { cell } of finished) {
    if (!runs.has(cell))
      reasons.set(cell, "it was trained, and MLflow has no finished run of it: was that deleted?");
  }
  for (const [id, run] of runs) {
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
