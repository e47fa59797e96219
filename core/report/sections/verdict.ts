import type { Estimate } from "../../evaluation/index.ts";
import { type Analysis, type Sign, signOf } from "../analysis.ts";
import type { Block } from "../document/blocks.ts";
import { interval, percent, points } from "../document/numbers.ts";
import { nameOf, type Row } from "../read/rows.ts";
import { controlsFor, inOtherSpace, isBackdoor, isControl } from "../roles.ts";

const WORDS = {
  "above 0": "beats",
  "below 0": "is worse than",
  "cannot be told from 0": "cannot be told apart from",
} as const;

/** The first paragraph: whether backdoor beats its control. Of several backdoor rows a sentence each below it. */
export function verdictBlocks(analysis: Analysis): Block[] {
  const { rows } = analysis;
  const backdoors = rows.filter(isBackdoor);
  const lead = (text: string): Block[] => [{ kind: "paragraph", lead: true, text }];
  if (backdoors.length === 0)
    return lead("There is no backdoor row over several foundation models in this experiment.");
  if (!rows.some(isControl)) {
    return lead(
      "Whether backdoor beats the control cannot be said: there is no control row (one backbone with as many seeds as there are " +
        "foundation models, combined alike). What backdoor gains over la below may be nothing but ensembling.",
    );
  }
  const verdicts = backdoors.map((row) => verdictOn(analysis, row));
  if (verdicts.length === 1) return lead(verdicts[0]!.text);
  return [...lead(summary(verdicts)), { kind: "list", items: verdicts.map(({ text }) => text) }];
}

interface Verdict {
  readonly text: string;
  /** Absent where there is nothing to compare. */
  readonly sign?: Sign;
}

function summary(verdicts: readonly Verdict[]): string {
  const signs = verdicts.flatMap(({ sign }) => sign ?? []);
  if (signs.length === 0) return "No backdoor row can be compared with a control.";
  const rows = `the ${signs.length} backdoor rows over several foundation models`;
  const control = "the control: as many models of the best single one, combined alike";
  const count = (sign: Sign) => signs.filter((own) => own === sign).length;
  const beats = count("above 0");
  if (beats === signs.length) return `Each of ${rows} beats ${control}.`;
  const rest = [
    `${count("cannot be told from 0")} cannot be told apart from it`,
    `${count("below 0")} worse`,
  ].join(", ");
  return `${beats === 0 ? "None" : beats} of ${rows} beats ${control} (${rest}).`;
}

function verdictOn(analysis: Analysis, row: Row): Verdict {
  const controls = controlsFor(analysis.rows, row);
  const best = bestControl(analysis, controls);
  if (!best) return { text: `${nameOf(row)}: there is no control of its backbones.` };
  const difference = analysis.compare({ rows: [row], minus: [best.row] });
  if (!difference) return { text: `${nameOf(row)} was not measured.` };
  const sign = signAgainstBest(analysis, row, controls, best.row);
  const missing = row.backbones.filter((own) => !controls.some(({ backbones }) => backbones[0] === own));
  const remarks = [
    ...(difference.resampled === "images" ? ["one seed, so images alone are resampled"] : []),
    ...(difference.paired ? [] : ["no seeds in common"]),
    ...(inOtherSpace(best.row, row) ? ["the control combines in another space"] : []),
    ...(missing.length > 0 ? [`there is no control of ${missing.join(", ")}`] : []),
  ];
  const others =
    controls.length < 2
      ? []
      : [
          `from the mean of the ${controls.length} controls ${figures(analysis.compare({ rows: [row], minus: controls }))}`,
          ...controls
            .filter((control) => control !== best.row)
            .map(
              (control) =>
                `from that of ${control.backbones[0]} ${figures(analysis.compare({ rows: [row], minus: [control] }))}`,
            ),
        ];
  const text =
    `${nameOf(row)} ${WORDS[sign]} the control of ${controls.length > 1 ? "its best backbone, " : ""}${best.row.backbones[0]} ` +
    `(${percent(best.accuracy)} %): ${points(difference)} points overall, 95 % interval ${interval(difference)}` +
    `${[...(others.length > 0 ? [others.join(", ")] : []), ...remarks].map((remark) => `; ${remark}`).join("")}.`;
  return { text, sign };
}

const figures = (difference: Estimate | undefined) => `${points(difference)} ${interval(difference)}`.trim();

function bestControl(analysis: Analysis, controls: readonly Row[]) {
  return controls
    .flatMap((row) => {
      const measured = analysis.compare({ rows: [row] });
      return measured ? [{ row, accuracy: measured.value }] : [];
    })
    .reduce<{ row: Row; accuracy: number } | undefined>(
      (best, own) => (best === undefined || own.accuracy > best.accuracy ? own : best),
      undefined,
    );
}

/**
 * Which control is the best is known from the test images only. So it counts as beaten where each control is: whichever is
 * truly best, it is among them. And as better only at the level that Bonferroni asks for a choice among as many.
 */
function signAgainstBest(analysis: Analysis, row: Row, controls: readonly Row[], best: Row): Sign {
  const from = (control: Row, level?: number) =>
    analysis.compare({ rows: [row], minus: [control], ...(level === undefined ? {} : { level }) });
  const sign = signOf(from(best)!);
  const sure =
    sign === "above 0"
      ? controls.every((control) => from(control)!.low > 0)
      : from(best, 1 - 0.05 / controls.length)!.high < 0;
  return sure ? sign : "cannot be told from 0";
}
