import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DualtailError } from "../../errors.ts";
import type { TrackedRun } from "../../tracking/tracker.ts";
import type { ResultRow } from "../execution-types.ts";
import { escapeMarkdown } from "../presentation/format.ts";
import {
  comparisonTable,
  groupAccuracyPlot,
  perClassPlot,
  trainingCurvesPlot,
} from "../presentation/index.ts";
import { logPlot } from "./artifacts.ts";
import type { ExecutionContext } from "./context.ts";
import type { RunFolder } from "./run-folder.ts";
import type { TrainingHistory } from "./train-cell.ts";

export interface RowSummary {
  readonly row: ResultRow;
  /** [K] accuracy; absent where an earlier version's run folder has none, as history is for a row of another comparison. */
  readonly perClass?: ArrayLike<number>;
  readonly history?: TrainingHistory;
}

/** The comparison's table and plots, on disk and on the parent run. */
export async function summarize(
  context: ExecutionContext,
  parent: TrackedRun,
  folder: RunFolder,
  summaries: readonly RowSummary[],
): Promise<{ table: string; tableText: string }> {
  if (summaries.length === 0) return { table: "", tableText: "" };
  const rows = summaries.map(({ row }) => ({
    loss: row.loss,
    backbone: row.backbones.join("+"),
    ...(row.seed === undefined ? {} : { seed: row.seed }),
    metrics: row.metrics,
  }));
  const table = comparisonTable(rows, { title: context.config.name });
  const { json } = table;
  const reused = summaries.map(({ row }) => row).filter((row) => row.reused !== undefined);
  const markdown = `${table.markdown}${reusedNote(reused)}`;
  const text =
    reused.length === 0
      ? table.text
      : `${table.text}\n(${reused.length} of ${summaries.length} rows are of finished runs, not run again: which, says comparison.md)`;
  const keep = async (file: string, content: string) => {
    await writeFile(join(folder.path, file), content);
    await parent.logArtifact(file, content);
  };
  await keep("comparison.md", markdown);
  await keep("comparison.json", json);
  // MLflow shows this tag as the run's description.
  await parent.setTags({ "mlflow.note.content": markdown });
  // A picture that cannot be drawn costs the picture, not the comparison.
  const draw = async (name: string, make: () => Promise<string | undefined>) => {
    try {
      await logPlot(parent, `plots/${name}.svg`, await make());
    } catch (error) {
      if (!(error instanceof Error) || error instanceof DualtailError) throw error;
      context.reporter.warn(`the picture ${name} is missing: ${error.message}`);
    }
  };
  for (const backbone of new Set(rows.map((row) => row.backbone))) {
    const own = summaries.filter(({ row }) => row.backbones.join("+") === backbone);
    await draw(`group-accuracy-${fileName(backbone)}`, () => groupAccuracyPlot({ rows, backbone }));
    const curves = onePerLoss(own).flatMap(({ row, history }) =>
      history ? [{ name: row.label, ...history }] : [],
    );
    if (curves.length > 0) {
      await draw(`training-curves-${fileName(backbone)}`, () =>
        trainingCurvesPlot({
          title: `${backbone}: training`,
          series: curves,
          accuracyLabel: "Validation accuracy",
        }),
      );
    }
    const series = meanOverSeeds(own);
    if (series.length === 0) continue;
    await draw(`per-class-accuracy-${fileName(backbone)}`, () =>
      perClassPlot({ title: backbone, series, trainCounts: context.trainCounts }),
    );
  }
  const timestamp = Date.now();
  const best = Math.max(...rows.map((row) => row.metrics["test/overall"] ?? 0));
  await parent.logMetrics([{ key: "best/test/overall", value: best, step: 0, timestamp }], { revise: true });
  return { table: markdown, tableText: text };
}

/** The first row with a history of each loss: the seeds of one lie on top of each other. */
const onePerLoss = (rows: readonly RowSummary[]): RowSummary[] =>
  [
    ...new Map(
      rows
        .filter(({ history }) => history !== undefined)
        .reverse()
        .map((summary) => [summary.row.loss, summary]),
    ).values(),
  ].reverse();

/** [K] accuracies of each loss, the mean over its seeds; a loss with one keeps its row's label. */
function meanOverSeeds(rows: readonly RowSummary[]): { name: string; accuracy: ArrayLike<number> }[] {
  const byLoss = new Map<string, { label: string; perClass: ArrayLike<number> }[]>();
  for (const { row, perClass } of rows) {
    if (!perClass) continue;
    byLoss.set(row.loss, [...(byLoss.get(row.loss) ?? []), { label: row.label, perClass }]);
  }
  return [...byLoss].map(([loss, members]) => ({
    name: members.length === 1 ? members[0]!.label : `${loss} · mean of ${members.length} seeds`,
    accuracy: Float64Array.from(
      members[0]!.perClass,
      (_, k) => members.reduce((sum, { perClass }) => sum + perClass[k]!, 0) / members.length,
    ),
  }));
}

/** Which rows come from which runs. */
function reusedNote(rows: readonly ResultRow[]): string {
  if (rows.length === 0) return "";
  const lines = rows.map(({ label, reused }) => {
    const { run, url } = reused!;
    return `- ${escapeMarkdown(label)}: ${url === undefined ? run : `[${run}](${url})`}`;
  });
  return `\nNot run again; from finished runs of earlier comparisons:\n\n${lines.join("\n")}\n`;
}

const fileName = (label: string): string => label.replaceAll(/[^A-Za-z0-9]+/g, "-");
