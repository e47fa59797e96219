import type { Row } from "./read/rows.ts";

/** Losses by the names the paper gives them: its claims are about these, so a report has to know them. */
export const PAPER = {
  baseline: "ce",
  reference: "la",
  glaTrain: "gla-train",
  backdoor: "backdoor",
} as const;

/** What a combination of several models has to be held against: as many seeds of one backbone as there are models, combined alike. */
const CONTROL = "control";

export const isControl = (row: Row): boolean => row.loss === CONTROL || row.kind === CONTROL;
export const isCombination = (row: Row): boolean => row.backbones.length > 1;
/** Backdoor in any form: over models, or over strata inside one. */
export const isBackdoorLoss = ({ loss }: Row): boolean =>
  loss === PAPER.backdoor || loss.startsWith(`${PAPER.backdoor}-`);
/** Backdoor over foundation models and nothing besides: what its control is the control of. */
export const isBackdoor = (row: Row): boolean =>
  row.loss === PAPER.backdoor && isCombination(row) && !isControl(row);

/** The row of a loss trained over one backbone; of several (other options) the one that bears the loss's plain name. */
export function singleRow(rows: readonly Row[], loss: string, backbone: string): Row | undefined {
  const fitting = rows.filter(
    (row) =>
      row.loss === loss && row.kind === "single" && row.backbones[0] === backbone && !isCombination(row),
  );
  return (
    fitting.find(({ label }) => label === loss) ??
    fitting.find((row) => row.options["loss.tau"] === "1") ??
    fitting[0]
  );
}

/** Backbones in order of first appearance. */
export const backbonesOf = (rows: readonly Row[]): string[] => [
  ...new Set(rows.flatMap(({ backbones }) => backbones)),
];

/** Single rows of a loss on each of these backbones; undefined when one is missing. */
export function singleRows(
  rows: readonly Row[],
  loss: string,
  backbones: readonly string[],
): Row[] | undefined {
  const found = backbones.map((backbone) => singleRow(rows, loss, backbone));
  return found.every((row) => row !== undefined) ? found : undefined;
}

/**
 * Controls to hold a combination against: one per backbone of it, in its order. Of several the one that combines in the
 * same space and starts from the same τ, as far as their options say.
 */
export function controlsFor(rows: readonly Row[], combination: Row): Row[] {
  const controls = rows.filter(isControl);
  const alike = (key: string) => (row: Row) =>
    row.options[key] !== undefined && row.options[key] === combination.options[key];
  return combination.backbones.flatMap((backbone) => {
    const own = controls.filter(({ backbones }) => backbones.length === 1 && backbones[0] === backbone);
    const sameSpace = preferred(own, alike("loss.space"));
    return preferred(sameSpace, alike("loss.tau")).slice(0, 1);
  });
}

/** Whether a control is known to combine in another space than what it is the control of. */
export const inOtherSpace = (control: Row, { options }: Row): boolean =>
  options["loss.space"] !== undefined &&
  control.options["loss.space"] !== undefined &&
  control.options["loss.space"] !== options["loss.space"];

const preferred = (rows: readonly Row[], wanted: (row: Row) => boolean): readonly Row[] =>
  rows.some(wanted) ? rows.filter(wanted) : rows;
