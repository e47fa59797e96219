import type { MlflowClient } from "../mlflow-js-client/index.ts";
import type { ReportedResults } from "../plugin-api/index.ts";
import { analyse } from "./analysis.ts";
import { type Block, type Figure, heading } from "./document/blocks.ts";
import { toHtml } from "./document/html.ts";
import { toMarkdown } from "./document/markdown.ts";
import { isOfTraining } from "./read/identity.ts";
import { gatherRows, runReader } from "./read/rows.ts";
import { finishedCells } from "./read/runs.ts";
import { claimsBlocks } from "./sections/claims.ts";
import { crossingBlocks } from "./sections/crossing.ts";
import { controlBlocks, referenceBlocks } from "./sections/differences.ts";
import { factsBlock, methodBlocks, omittedBlocks, settingBlocks } from "./sections/frame.ts";
import { gatherPriors, priorBlocks } from "./sections/priors.ts";
import { reportedBlocks } from "./sections/reported.ts";
import { rowsBlocks } from "./sections/rows.ts";
import { verdictBlocks } from "./sections/verdict.ts";
import { besideBlocks } from "./settings/beside.ts";

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
  /** What others reported on a data set, by its plugin's name: for reference columns. */
  readonly reported?: (dataset: string) => readonly ReportedResults[];
  readonly onProgress?: (line: string) => void;
}

export interface Report {
  readonly markdown: string;
  /** Needs no other file. */
  readonly html: string;
  /** What the Markdown shows, as figures/<name>.svg. */
  readonly figures: readonly Figure[];
  /** The first paragraph, and the lines below it that say the same row by row. */
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
  const { where = {} } = options;
  // What `where` leaves out because of how it was trained may still stand beside.
  const ofData = Object.fromEntries(Object.entries(where).filter(([key]) => !isOfTraining(key)));
  const beside = await finishedCells(client, experiment, ofData);
  const known = new Map(beside.map((run) => [run.info.runId, run]));
  const runs = (await finishedCells(client, experiment, where)).map(
    (run) => known.get(run.info.runId) ?? run,
  );
  onProgress(`Reading ${runs.length} finished runs of "${experiment}"`);
  const read = runReader(client);
  const gathered = await gatherRows(read, runs);
  const { priors, omitted: withoutPrior } = await gatherPriors(client, gathered);
  onProgress(`Resampling ${gathered.rows.length} rows ${resamples} times`);
  const analysis = analyse(gathered, { resamples, seed });
  const omitted = [...gathered.omitted, ...withoutPrior];
  const verdict = verdictBlocks(analysis);
  const blocks: Block[] = [
    heading(1, `Report on ${experiment}`),
    ...verdict,
    factsBlock(analysis),
    ...rowsBlocks(analysis),
    ...reportedBlocks(analysis, options.reported?.(gathered.setting.dataset ?? "") ?? []),
    ...(await referenceBlocks(analysis)),
    ...(await controlBlocks(analysis)),
    ...claimsBlocks(analysis),
    ...(await crossingBlocks(analysis)),
    ...(await priorBlocks(priors)),
    ...(await besideBlocks(read, beside, gathered, { resamples, seed })),
    ...omittedBlocks(omitted),
    ...settingBlocks(gathered.setting),
    ...methodBlocks(resamples, seed),
  ];
  return {
    markdown: toMarkdown(blocks),
    html: toHtml(`Report on ${experiment}`, blocks),
    figures: blocks.flatMap((block) => (block.kind === "figures" ? block.figures : [])),
    verdict: verdict
      .flatMap((block) =>
        block.kind === "paragraph"
          ? block.text
          : block.kind === "list"
            ? block.items.map((item) => `- ${item}`)
            : [],
      )
      .join("\n"),
    rows: gathered.rows.length,
    omitted,
  };
}
