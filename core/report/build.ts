import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { analyse } from "./analysis.ts";
import { type Block, type Figure, heading, paragraph } from "./document/blocks.ts";
import { toHtml } from "./document/html.ts";
import { toMarkdown } from "./document/markdown.ts";
import { gatherRows } from "./read/rows.ts";
import { finishedCells } from "./read/runs.ts";
import { claimsBlocks } from "./sections/claims.ts";
import { crossingBlocks } from "./sections/crossing.ts";
import { controlBlocks, referenceBlocks } from "./sections/differences.ts";
import { gatherPriors, priorBlocks } from "./sections/priors.ts";
import { rowsBlocks } from "./sections/rows.ts";
import { verdictBlocks } from "./sections/verdict.ts";

export interface ReportOptions {
  readonly client: MlflowClient;
  /** Name of the experiment. */
  readonly experiment: string;
  /** Params that runs must have, e.g. { "dataset.imbalanceRatio": "100" }; needed where an experiment has several settings. */
  readonly where?: Readonly<Record<string, string>>;
  /** Default 2000. */
  readonly resamples?: number;
  /** Of the bootstrap. Default 0. */
  readonly seed?: number;
  readonly onProgress?: (line: string) => void;
}

export interface Report {
  readonly markdown: string;
  /** Needs no other file. */
  readonly html: string;
  /** What the Markdown shows, as figures/<name>.svg. */
  readonly figures: readonly Figure[];
  /** The first paragraph. */
  readonly verdict: string;
  readonly rows: number;
  /** What was left out, and why. */
  readonly omitted: readonly string[];
}

/**
 * Reads an experiment back from MLflow and says what it shows. Writes nothing; the same runs and seed give the same text.
 * @throws ReportError without runs to report; TrackingError for a server that fails
 */
export async function buildReport(options: ReportOptions): Promise<Report> {
  const { client, experiment, resamples = 2000, seed = 0, onProgress = () => {} } = options;
  const runs = await finishedCells(client, experiment, options.where);
  onProgress(`Reading ${runs.length} finished runs of "${experiment}"`);
  const gathered = await gatherRows(client, runs);
  const { priors, omitted: withoutPrior } = await gatherPriors(client, gathered);
  onProgress(`Resampling ${gathered.rows.length} rows ${resamples} times`);
  const analysis = analyse(gathered, { resamples, seed });
  const omitted = [...gathered.omitted, ...withoutPrior];
  const verdict = verdictBlocks(analysis);
  const blocks: Block[] = [
    heading(1, `Report on ${experiment}`),
    ...verdict,
    paragraph(factsOf(analysis)),
    ...rowsBlocks(analysis),
    ...(await referenceBlocks(analysis)),
    ...(await controlBlocks(analysis)),
    ...claimsBlocks(analysis),
    ...(await crossingBlocks(analysis)),
    ...(await priorBlocks(priors)),
    ...omittedBlocks(omitted),
    ...settingBlocks(gathered.setting),
    ...methodBlocks(resamples, seed),
  ];
  return {
    markdown: toMarkdown(blocks),
    html: toHtml(`Report on ${experiment}`, blocks),
    figures: blocks.flatMap((block) => (block.kind === "figures" ? block.figures : [])),
    verdict: verdict.map((block) => (block.kind === "paragraph" ? block.text : "")).join(" "),
    rows: gathered.rows.length,
    omitted,
  };
}

function factsOf({ rows, classNames, labels }: ReturnType<typeof analyse>): string {
  const runs = rows.reduce((sum, row) => sum + row.runs.length, 0);
  return `${rows.length} rows from ${runs} runs; ${classNames.length} classes, ${labels.length} test images.`;
}

function omittedBlocks(omitted: readonly string[]): Block[] {
  return omitted.length === 0 ? [] : [heading(2, "Left out"), { kind: "list", items: omitted }];
}

const settingBlocks = (setting: Readonly<Record<string, string>>): Block[] => [
  heading(2, "Setting"),
  paragraph("What all rows share:"),
  { kind: "list", items: Object.entries(setting).map(([key, value]) => `${key} = ${value}`) },
];

function methodBlocks(resamples: number, seed: number): Block[] {
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
