import { type Analysis, GROUP_COLUMNS, type GroupColumn, metricMean } from "../analysis.ts";
import { type Block, type Cell, cell, heading, paragraph } from "../document/blocks.ts";
import { percent, range, UNDEFINED } from "../document/numbers.ts";
import type { Row } from "../read/rows.ts";

/** The table of rows: means over seeds with their intervals. */
export function rowsBlocks(analysis: Analysis): Block[] {
  const accuracy = (row: Row, { classes }: GroupColumn): Cell => {
    const only = classes(row);
    const estimate = analysis.compare({ rows: [row], ...(only ? { classes: only } : {}) });
    return estimate ? cell(percent(estimate.value), range(estimate)) : cell(UNDEFINED);
  };
  const metric = (row: Row, key: string): Cell => {
    const mean = metricMean(row, key);
    return cell(percent(mean?.value));
  };
  return [
    heading(2, "Rows"),
    {
      kind: "table",
      leftColumns: 2,
      header: [
        "method",
        "backbone",
        "seeds",
        ...GROUP_COLUMNS.map(({ heading: name }) => name),
        "KNN",
        "ECE",
      ],
      rows: analysis.rows.map((row) => [
        cell(row.label),
        cell(row.backbones.join(" + ")),
        cell(row.runs[0]!.seed === undefined ? UNDEFINED : String(row.runs.length)),
        ...GROUP_COLUMNS.map((column) => accuracy(row, column)),
        metric(row, "test/knn"),
        metric(row, "test/ece"),
      ]),
    },
    paragraph(
      "In %: mean per-class accuracy, averaged over seeds, with its 95 % interval. P-groups are those of the row's own backbones. " +
        `KNN and ECE: means over seeds. ${UNDEFINED}: no such class, not measured, or (seeds) nothing random. ` +
        "A row of one seed has an interval over test images alone; it does not cover another training run.",
    ),
  ];
}
