import { type AggregatedRow, aggregateOverSeeds, type ResultRow, type Spread } from "./aggregate.ts";
import { escapeMarkdown, markdownTable, percent, percentWithSpread, terminalTable } from "./format.ts";

/** Columns of the comparison table: heading and metric key (after the prefix). */
export const COMPARISON_COLUMNS = [
  ["overall", "overall"],
  ["many", "d_many"],
  ["medium", "d_medium"],
  ["few", "d_few"],
  ["P-many", "p_many"],
  ["P-medium", "p_medium"],
  ["P-few", "p_few"],
  ["dual-tail", "dual_tail"],
  ["KNN", "knn"],
  ["ECE", "ece"],
] as const;

export interface ComparisonTable {
  readonly markdown: string;
  /** Every metric of every row, not just the columns; shares in [0, 1]. */
  readonly json: string;
  /** For a terminal; no trailing newline. */
  readonly text: string;
  readonly rows: readonly AggregatedRow[];
}

/**
 * The result of a comparison, one line per loss × backbone × PEFT, seeds averaged (± sample standard deviation where
 * there are several). Percentages with one decimal; an undefined value prints as "—".
 *
 * @param options.width columns of the terminal: where `text` would be wider it leaves the deviations out and says so
 */
export function comparisonTable(
  rows: readonly ResultRow[],
  options: { readonly prefix?: string; readonly title?: string; readonly width?: number } = {},
): ComparisonTable {
  const { prefix = "test", title, width = Number.POSITIVE_INFINITY } = options;
  const aggregated = aggregateOverSeeds(rows);
  const withPeft = aggregated.some(({ peft }) => peft !== undefined);
  const withRuns = aggregated.some(({ runs }) => runs > 1);
  const labels = ["loss", "backbone", ...(withPeft ? ["PEFT"] : [])];
  const header = [
    ...labels,
    ...(withRuns ? ["runs"] : []),
    ...COMPARISON_COLUMNS.map(([heading]) => heading),
  ];
  const value = (row: AggregatedRow, key: string): Spread | undefined =>
    row.metrics[prefix ? `${prefix}/${key}` : key];
  const body = (show: (spread: Spread | undefined) => string) =>
    aggregated.map((row) => [
      row.loss,
      row.backbone,
      ...(withPeft ? [row.peft ?? ""] : []),
      ...(withRuns ? [String(row.runs)] : []),
      ...COMPARISON_COLUMNS.map(([, key]) => show(value(row, key))),
    ]);
  const note = withRuns
    ? "All values in %; mean ± sample standard deviation over seeds. — : undefined (no such class, or not measured)."
    : "All values in %. — : undefined (no such class, or not measured).";

  const full = terminalTable(header, body(percentWithSpread), labels.length);
  const fits = !withRuns || full.split("\n").every((line) => line.length <= width);
  const means = () =>
    terminalTable(
      header,
      body((spread) => percent(spread?.mean)),
      labels.length,
    );
  const text = fits ? full : `${means()}\n(means over seeds; deviations are in the Markdown and JSON tables)`;

  return {
    markdown: `${title ? `# ${escapeMarkdown(title)}\n\n` : ""}${markdownTable(header, body(percentWithSpread), labels.length)}\n${note}\n`,
    json: `${JSON.stringify({ ...(title ? { title } : {}), unit: "share", rows: aggregated }, null, 2)}\n`,
    text,
    rows: aggregated,
  };
}
