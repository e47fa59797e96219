import { GROUP_COLUMNS } from "../analysis.ts";
import { type Block, type Cell, cell, paragraph } from "../document/blocks.ts";
import { interval, percent, points, range, UNDEFINED } from "../document/numbers.ts";
import { told } from "../sections/differences.ts";
import type { ComparedValue, SettingsComparison } from "./compare.ts";

/** The table of a comparison of settings: a line per method and value. */
export function settingsBlocks({ methods, against }: SettingsComparison, what: string): Block[] {
  return [
    {
      kind: "table",
      leftColumns: 2,
      header: ["row", what, "seeds", ...GROUP_COLUMNS.map(({ heading }) => heading)],
      rows: methods.flatMap(({ name, values }) =>
        values.map((value, i): Cell[] => [
          cell(name),
          cell(value.label),
          cell(seedsOf(value)),
          ...value.accuracy.map((_, column) => accuracyCell(value, column, i === 0)),
        ]),
      ),
    },
    paragraph(
      `In %: mean per-class accuracy over the row's seeds. For "${against}" with its 95 % interval; for other values with the ` +
        "difference from it in points and the paired-bootstrap 95 % interval of the difference, over the seeds that both have. " +
        "Bold: that interval excludes 0 and p after Holm's correction over the column is below 0.05. " +
        `Groups are those of the row compared against. ${UNDEFINED}: no such class, or (difference) no seed in common.`,
    ),
  ];
}

function seedsOf({ row, difference }: ComparedValue): string {
  if (row.runs[0]!.seed === undefined) return UNDEFINED;
  const common = difference.find((own) => own !== undefined)?.seeds;
  return common === undefined || common === row.runs.length
    ? String(row.runs.length)
    : `${row.runs.length} (${common} in common)`;
}

function accuracyCell({ accuracy, difference }: ComparedValue, column: number, base: boolean): Cell {
  const own = accuracy[column];
  if (!own) return cell(UNDEFINED);
  if (base) return cell(percent(own.value), range(own));
  const change = difference[column];
  if (!change) return cell(percent(own.value), `(${UNDEFINED})`);
  return {
    text: percent(own.value),
    note: `${points(change)} ${interval(change)}`,
    strong: told(change),
  };
}
