import { crossingPlot } from "../../comparison/presentation/plots/index.ts";
import { crossGroups, GROUPS } from "../../evaluation/index.ts";
import type { Analysis } from "../analysis.ts";
import { type Block, cell, heading, paragraph } from "../document/blocks.ts";
import { percent, UNDEFINED } from "../document/numbers.ts";
import { nameOf, type Row } from "../read/rows.ts";

/** 3×3 maps of all rows: a picture each unless `draw` is false, and one table of the same figures. */
export async function crossingBlocks(analysis: Analysis, draw = true): Promise<Block[]> {
  const maps = analysis.rows.map((row) => mapOf(analysis, row));
  const figures = [];
  for (const [i, { row, accuracy, classes }] of draw ? maps.entries() : []) {
    const svg = await crossingPlot({ title: nameOf(row), accuracy, classes });
    figures.push({ name: `groups-3x3-${i}`, caption: nameOf(row), svg });
  }
  return [
    heading(2, "3×3 maps of class groups"),
    paragraph(
      "Mean per-class accuracy (%) over seeds and the number of classes, D-groups (training counts) by P-groups (pre-training). " +
        `${UNDEFINED}: an empty cell, or one without test images.`,
    ),
    ...(figures.length > 0 ? [{ kind: "figures" as const, figures }] : []),
    {
      kind: "table",
      leftColumns: 1,
      header: ["row", ...GROUPS.flatMap((d) => GROUPS.map((p) => `D-${d} P-${p}`))],
      rows: maps.map(({ row, accuracy, classes }) => [
        cell(nameOf(row)),
        ...accuracy.flatMap((cells, d) =>
          cells.map((value, p) => {
            const count = classes[d]![p]!;
            return cell(percent(value), count === 0 ? "empty" : `n=${count}`);
          }),
        ),
      ]),
    },
  ];
}

/** Accuracies and numbers of classes, [D][P]; an empty cell's accuracy is undefined. */
export function mapOf(analysis: Analysis, row: Row) {
  const cells = crossGroups(row.downstream, row.pretrain);
  return {
    row,
    classes: cells.map((own) => own.map(({ length }) => length)),
    accuracy: cells.map((own) =>
      own.map((classes) =>
        classes.length === 0 ? undefined : analysis.compare({ rows: [row], classes })?.value,
      ),
    ),
  };
}
