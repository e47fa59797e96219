import {
  type Analysis,
  asFamily,
  type Difference,
  DUAL_TAIL,
  downstreamColumn,
  type GroupColumn,
  OVERALL,
  pretrainColumn,
} from "../analysis.ts";
import { type Block, type Cell, cell, heading, paragraph } from "../document/blocks.ts";
import { interval, points, pValue, UNDEFINED } from "../document/numbers.ts";
import { differencesPlot } from "../plots/differences.ts";
import { nameOf, type Row } from "../read/rows.ts";
import {
  controlsFor,
  inOtherSpace,
  isCombination,
  isControl,
  PAPER,
  singleRow,
  singleRows,
} from "../roles.ts";

interface Comparison {
  readonly row: Row;
  readonly against: readonly Row[];
  /** What `against` is called. */
  readonly name: string;
}

const COLUMNS: readonly GroupColumn[] = [OVERALL, downstreamColumn("few"), pretrainColumn("few"), DUAL_TAIL];

/** Differences from la on the same backbone; for combinations from the mean of the single la rows. */
export async function referenceBlocks(analysis: Analysis): Promise<Block[]> {
  const { rows } = analysis;
  const comparisons = rows.flatMap((row): Comparison[] => {
    const against = isCombination(row)
      ? singleRows(rows, PAPER.reference, row.backbones)
      : [singleRow(rows, PAPER.reference, row.backbones[0]!)].filter((found) => found !== undefined);
    if (!against || against.length === 0 || against.includes(row)) return [];
    return [{ row, against, name: against.length > 1 ? `mean of la on each` : nameOf(against[0]!) }];
  });
  return [
    heading(2, "Differences from la"),
    ...(comparisons.length === 0
      ? [paragraph("There is no la row on the same backbones as another row.")]
      : await differenceBlocks(
          analysis,
          comparisons,
          "differences-from-la",
          "Overall accuracy minus that of la",
        )),
  ];
}

/** Differences of combinations from the control rows: their mean, and each. */
export async function controlBlocks(analysis: Analysis): Promise<Block[]> {
  const { rows } = analysis;
  const comparisons = rows
    .filter((row) => isCombination(row) && !isControl(row))
    .flatMap((row): Comparison[] => {
      const controls = controlsFor(rows, row);
      const each = controls.map((control) => ({
        row,
        against: [control],
        name: `${nameOf(control)}${inOtherSpace(control, row) ? " (another space)" : ""}`,
      }));
      return controls.length > 1 ? [{ row, against: controls, name: "mean of the controls" }, ...each] : each;
    });
  return [
    heading(2, "Differences from the control"),
    ...(comparisons.length === 0
      ? [
          paragraph(
            "There is no control row: one backbone fine-tuned with as many seeds as there are foundation models, combined alike. " +
              "Without it, deconfounding cannot be told from ensembling.",
          ),
        ]
      : await differenceBlocks(
          analysis,
          comparisons,
          "differences-from-control",
          "Overall accuracy minus that of the control",
        )),
  ];
}

async function differenceBlocks(
  analysis: Analysis,
  comparisons: readonly Comparison[],
  name: string,
  title: string,
): Promise<Block[]> {
  // One family per column: all that a reader may pick from.
  const columns = COLUMNS.map(({ classes }) =>
    asFamily(
      comparisons.map(({ row, against }) => {
        const only = classes(row);
        return analysis.compare({ rows: [row], minus: against, ...(only ? { classes: only } : {}) });
      }),
    ),
  );
  const repeated = new Set(comparisons.map(({ row }) => row)).size < comparisons.length;
  const marks = comparisons.flatMap(({ row, name: other }, i) => {
    const difference = columns[0]![i];
    return difference ? [{ name: repeated ? `${nameOf(row)} − ${other}` : nameOf(row), ...difference }] : [];
  });
  const remarks = comparisons.flatMap(({ row, name: other }, i) =>
    remark(columns[0]![i], `${nameOf(row)} − ${other}`),
  );
  return [
    {
      kind: "figures",
      figures: [{ name, caption: title, svg: await differencesPlot(title, marks) }],
    },
    {
      kind: "table",
      leftColumns: 2,
      header: ["row", "minus", ...COLUMNS.map(({ heading: column }) => column)],
      rows: comparisons.map(({ row, name: other }, i) => [
        cell(nameOf(row)),
        cell(other),
        ...columns.map((column) => differenceCell(column[i])),
      ]),
    },
    paragraph(
      floorNote(comparisons.length, analysis.resamples) +
        "In percentage points, with 95 % interval and p after Holm's correction over the column. Bold: the interval excludes 0 and " +
        "that p is below 0.05. Groups are those of the row on the left.",
    ),
    ...(remarks.length > 0 ? [{ kind: "list" as const, items: remarks }] : []),
  ];
}

/** Bold only where interval and corrected p agree. */
export function differenceCell(difference: Difference | undefined): Cell {
  if (!difference) return cell(UNDEFINED);
  const note = `${interval(difference)} p ${pValue(difference.adjusted)}`;
  return { text: points(difference), note, strong: told(difference) };
}

/** Told from 0 by the interval and, among all of its family, by the corrected p. */
export const told = ({ low, high, adjusted }: Difference): boolean =>
  (low > 0 || high < 0) && adjusted < 0.05;

/** With many comparisons, the smallest p that the resamples can give is not small enough for any of them. */
const floorNote = (family: number, resamples: number): string =>
  (2 * family) / (resamples + 1) < 0.05
    ? ""
    : `No p can fall below 0.05 here: ${family} comparisons need more than ${resamples} resamples (--resamples). `;

function remark(difference: Difference | undefined, name: string): string[] {
  if (!difference) return [];
  if (!difference.paired)
    return [`${name}: no seeds in common; each side's seeds are resampled on their own.`];
  return difference.resampled === "images" ? [`${name}: one seed; only test images are resampled.`] : [];
}
