import { type Analysis, signOf } from "../analysis.ts";
import type { Block } from "../document/blocks.ts";
import { interval, points } from "../document/numbers.ts";
import { nameOf } from "../read/rows.ts";
import { controlsFor, isBackdoor, isControl } from "../roles.ts";

const WORDS = {
  "above 0": "beats the control",
  "below 0": "is worse than the control",
  "cannot be told from 0": "cannot be told apart from the control",
} as const;

/** The first paragraph: whether backdoor beats its control. A sentence per backdoor row. */
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
  const sentences = backdoors.map((row) => {
    const difference = analysis.compare({ rows: [row], minus: controlsFor(rows, row) });
    if (!difference) return `${nameOf(row)} was not measured.`;
    const seeds = difference.resampled === "images" ? "; one seed, so images alone are resampled" : "";
    const unpaired = difference.paired ? "" : "; no seeds in common";
    return `${nameOf(row)} ${WORDS[signOf(difference)]}: ${points(difference)} points overall, 95 % interval ${interval(difference)}${seeds}${unpaired}.`;
  });
  return lead(sentences.join(" "));
}
