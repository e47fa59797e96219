import type { FinishedRun, TrackedRun, Tracker } from "../../tracking/tracker.ts";
import type { ExecuteOptions } from "../execution-types.ts";
import type { Cell } from "../plan/index.ts";
import { PER_CLASS_FILE } from "./artifacts.ts";
import type { ExecutionContext } from "./context.ts";
import { FINGERPRINT } from "./fingerprint.ts";
import { fetchFinishedCell } from "./finished-cell.ts";
import { CELL_TAG, EXTRA_SEED_TAG, type RowEntry } from "./rows.ts";
import type { RunFolder } from "./run-folder.ts";

/** A row of the comparison with the content it depends on. */
export interface PlannedRow {
  readonly entry: RowEntry;
  readonly fingerprint: string;
  /** Absent for a zero-shot row. */
  readonly cell?: Cell;
}

/**
 * Looks for the plan's rows among the finished runs of the experiment and enters those it finds into the run folder as
 * finished. The same row: the same id and the same fingerprint, the newest of several; one whose own id is `ownId` of the
 * row is the comparison's own, trained for it elsewhere. A cell whose test logits a
 * combination still to be made needs, and whose logits cannot be had, is left to be run.
 * @returns by the row's id, [K] accuracy per class
 */
export async function adoptFinishedRuns(
  { plan, reporter, outputDir }: Pick<ExecuteOptions, "plan" | "reporter" | "outputDir">,
  { dataset }: Pick<ExecutionContext, "dataset">,
  tracker: Pick<Tracker, "finishedRuns" | "description">,
  folder: RunFolder,
  rows: readonly PlannedRow[],
  ownId: (id: string) => string = () => "",
): Promise<Map<string, ArrayLike<number>>> {
  const perClass = new Map<string, ArrayLike<number>>();
  const missing = rows.filter(({ entry }) => folder.state.runs[entry.id] === undefined);
  if (missing.length === 0 || !tracker.finishedRuns) return perClass;
  const found = matching(missing, await tracker.finishedRuns(FINGERPRINT));
  const finished = (id: string) => found.has(id) || folder.state.runs[id]?.status === "FINISHED";
  const needed = new Set(plan.cells.filter(({ id }) => !finished(id)).flatMap(({ dependsOn }) => dependsOn));
  const size = dataset.test.labels.length * dataset.classNames.length;
  const adopted = { cells: 0, zeroShot: 0 };
  for (const { entry, fingerprint, cell } of missing) {
    const run = found.get(entry.id);
    if (run === undefined) continue;
    if (cell && needed.has(cell.id)) {
      const there = await fetchFinishedCell(run, { outputDir, folder: await folder.cell(cell.key), size });
      if (!there) {
        reporter.line(
          `${cell.label}: run ${run.id} has finished but its test logits, which are to be combined, are neither on this disk nor logged: it is run again`,
        );
        continue;
      }
    }
    const accuracies = entry.hidden ? undefined : await perClassOf(run);
    if (accuracies) {
      perClass.set(entry.id, accuracies);
      await folder.setCurves(entry.id, { perClass: accuracies });
    }
    const own = run.ownId === ownId(entry.id);
    if (!own) adopted[cell ? "cells" : "zeroShot"]++;
    await folder.setRun(entry.id, {
      runId: run.id,
      status: "FINISHED",
      metrics: rowMetrics(run),
      fingerprint,
      ...(own ? {} : { reused: run.url === undefined ? {} : { url: run.url } }),
    });
  }
  const counts = [count(adopted.cells, "cell"), count(adopted.zeroShot, "zero-shot row")].filter(Boolean);
  if (counts.length > 0) reporter.line(`${counts.join(" and ")} reused from ${tracker.description}`);
  return perClass;
}

/** For plots alone, so that a run without the table does. */
export async function perClassOf(run: FinishedRun): Promise<number[] | undefined> {
  const content = await run.artifact(PER_CLASS_FILE);
  if (content === undefined) return undefined;
  const rows = JSON.parse(new TextDecoder().decode(content)) as { readonly accuracy: number | null }[];
  return rows.map(({ accuracy }) => accuracy ?? Number.NaN);
}

/** The run of each row that has one, by the row's id. @param runs newest first */
function matching(rows: readonly PlannedRow[], runs: readonly FinishedRun[]): Map<string, FinishedRun> {
  const found = new Map<string, FinishedRun>();
  for (const { entry, fingerprint } of rows) {
    // What is only there to be combined may be a row elsewhere; a row has to be one for a report, too.
    const tags = entry.hidden ? [CELL_TAG, EXTRA_SEED_TAG] : [CELL_TAG];
    const run = runs.find(
      (own) =>
        own.tags[FINGERPRINT] === fingerprint &&
        tags.some((tag) => own.tags[tag] === entry.id) &&
        // Lost where the server failed when the run ended.
        own.metrics["test/overall"] !== undefined,
    );
    if (run) found.set(entry.id, run);
  }
  return found;
}

/** A run has the metrics of its training, too. */
export const rowMetrics = ({ metrics }: FinishedRun): Record<string, number> =>
  Object.fromEntries(Object.entries(metrics).filter(([key]) => !/^(train|validation)\//.test(key)));

/** Names the runs that a comparison's rows come from on its parent run: how many as a tag, which ones as an artifact. */
export async function logReused(
  parent: TrackedRun,
  folder: RunFolder,
  rows: readonly PlannedRow[],
): Promise<void> {
  const reused = rows.flatMap(({ entry: { id, row } }) => {
    const { reused: link, runId } = folder.state.runs[id] ?? {};
    return link ? [{ cell: id, label: row.label, run: runId, ...link }] : [];
  });
  if (reused.length === 0) return;
  await parent.setTags({ "dualtail.reused": String(reused.length) });
  await parent.logArtifact("reused.json", `${JSON.stringify(reused, null, 2)}\n`);
}

const count = (n: number, noun: string): string => (n === 0 ? "" : `${n} ${noun}${n === 1 ? "" : "s"}`);
