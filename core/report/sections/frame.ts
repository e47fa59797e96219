import { type Block, heading, paragraph } from "../document/blocks.ts";
import type { Gathered } from "../read/rows.ts";

/** How much there is. */
export function factsBlock({ rows, classNames, labels }: Gathered): Block {
  const runs = rows.reduce((sum, row) => sum + row.runs.length, 0);
  return paragraph(
    `${counted(rows.length, "row")} from ${counted(runs, "run")}; ${classNames.length} classes, ${labels.length} test images.`,
  );
}

export function omittedBlocks(omitted: readonly string[]): Block[] {
  return omitted.length === 0 ? [] : [heading(2, "Left out"), { kind: "list", items: omitted }];
}

export const settingBlocks = (setting: Readonly<Record<string, string>>): Block[] => [
  heading(2, "Setting"),
  paragraph("What all rows share:"),
  { kind: "list", items: Object.entries(setting).map(([key, value]) => `${key} = ${value}`) },
];

export function methodBlocks(resamples: number, seed: number): Block[] {
  return [
    heading(2, "How the intervals are made"),
    {
      kind: "list",
      items: [
        `Percentile intervals of ${resamples} paired bootstrap resamples (generator seed ${seed}): test images within their class and seeds as a whole; one resample serves both sides of a difference.`,
        "Of n images of a class n − 1 are drawn, which makes the resampled variance unbiased (Rao & Wu, 1988). Seeds get a normal multiplier; with several, resamples are scaled to the variance of a mean over crossed images and seeds (Owen, 2007), the seeds' part of it by Student's t.",
        "Few seeds say little about the variation between runs: where that dominates, intervals from two or three seeds are still too narrow.",
        `p is two-sided, at least 2 / ${resamples + 1}; Holm's correction is over each column of a table of differences.`,
        "A difference rests on the seeds that both sides have. Rows without a seed (zero-shot) go with any.",
        "KNN accuracies are known per run only, not per image: their intervals are Student's t over seeds.",
      ],
    },
  ];
}

const counted = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
