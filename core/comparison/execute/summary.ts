import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrackedRun } from "../../tracking/tracker.ts";
import type { ResultRow } from "../execution-types.ts";
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
  /** [K] accuracy; absent for a row that an earlier session finished, as its history is for one of an earlier comparison. */
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
  for (const backbone of new Set(rows.map((row) => row.backbone))) {
    const plot = await groupAccuracyPlot({ rows, backbone });
    await logPlot(parent, `plots/group-accuracy-${fileName(backbone)}.svg`, plot);
    const series = summaries.flatMap(({ row, perClass }) =>
      perClass && row.backbones.join("+") === backbone ? [{ name: row.label, accuracy: perClass }] : [],
    );
    const curves = summaries.flatMap(({ row, history }) =>
      history && row.backbones.join("+") === backbone ? [{ name: row.label, ...history }] : [],
    );
    if (curves.length > 0) {
      const training = await trainingCurvesPlot({
        title: `${backbone}: training`,
        series: curves,
        accuracyLabel: "Validation accuracy",
      });
      await logPlot(parent, `plots/training-curves-${fileName(backbone)}.svg`, training);
    }
    if (series.length === 0) continue;
    const perClass = await perClassPlot({ title: backbone, series, trainCounts: context.trainCounts });
    await logPlot(parent, `plots/per-class-accuracy-${fileName(backbone)}.svg`, perClass);
  }
  const timestamp = Date.now();
  const best = Math.max(...rows.map((row) => row.metrics["test/overall"] ?? 0));
  await parent.logMetrics([{ key: "best/test/overall", value: best, step: 0, timestamp }]);
  return { table: markdown, tableText: text };
}

/** Which rows come from which runs. */
function reusedNote(rows: readonly ResultRow[]): string {
  if (rows.length === 0) return "";
  const lines = rows.map(({ label, reused }) => {
    const { run, url } = reused!;
    return `- ${label}: ${url === undefined ? run : `[${run}](${url})`}`;
  });
  return `\nNot run again; from finished runs of earlier comparisons:\n\n${lines.join("\n")}\n`;
}

const fileName = (label: string): string => label.replaceAll(/[^A-Za-z0-9]+/g, "-");
