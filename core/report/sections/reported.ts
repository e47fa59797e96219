import type { ReportedResults } from "../../plugin-api/index.ts";
import type { Analysis } from "../analysis.ts";
import { type Block, cell, heading, paragraph } from "../document/blocks.ts";
import { percent, range, UNDEFINED } from "../document/numbers.ts";

/** What others reported on the data set, a table per source, each figure beside the rows here of the same loss. */
export function reportedBlocks(analysis: Analysis, reported: readonly ReportedResults[]): Block[] {
  if (reported.length === 0) return [];
  const here = (loss: string | undefined): string => {
    const texts = analysis.rows
      .filter((row) => row.loss === loss)
      .flatMap((row) => {
        const overall = analysis.compare({ rows: [row] });
        if (!overall) return [];
        const name = row.label === row.loss ? "" : `${row.label}, `;
        return [`${name}${row.backbones.join(" + ")}: ${percent(overall.value)} ${range(overall)}`.trim()];
      });
    return texts.length > 0 ? texts.join("; ") : UNDEFINED;
  };
  return [
    heading(2, "Reported elsewhere"),
    ...reported.flatMap(({ source, rows }): Block[] => [
      heading(3, source),
      {
        kind: "table",
        leftColumns: 1,
        header: ["method", "many", "medium", "few", "overall", "overall, here"],
        rows: rows.map(({ method, loss, many, medium, few, overall }) => [
          cell(method),
          ...[many, medium, few, overall].map((value) =>
            cell(value === undefined ? UNDEFINED : value.toFixed(1)),
          ),
          cell(here(loss)),
        ]),
      },
    ]),
    paragraph(
      "In %, as the source gives them. Sources differ in more than the method (checkpoints, code, test-time crops), so no figure " +
        "of one table is to be compared with one of another.",
    ),
  ];
}
