import type { MlflowClient } from "../../mlflow-js-client/index.ts";
import { type Analysis, analyse } from "../analysis.ts";
import { type Block, type Figure, heading, paragraph } from "../document/blocks.ts";
import { toMarkdown } from "../document/markdown.ts";
import { toTerminal } from "../document/terminal.ts";
import { concernsFrozen, isZeroShot, keyOf } from "../read/identity.ts";
import { gatherRows, runReader } from "../read/rows.ts";
import { crossingBlocks } from "../sections/crossing.ts";
import { factsBlock, methodBlocks, omittedBlocks, settingBlocks } from "../sections/frame.ts";
import { gatherPriors, priorBlocks } from "../sections/priors.ts";
import { rowsBlocks } from "../sections/rows.ts";
import { settingsBlocks } from "../settings/blocks.ts";
import { compareSettings } from "../settings/compare.ts";
import { comparableSetting, labelNamed, valueLabels, variedBy } from "../settings/varied.ts";
import { explain } from "./explain.ts";
import { analysisJson, settingsJson } from "./json.ts";
import { lossesOf } from "./losses.ts";
import { explainBlocks, lossBlocks } from "./sections.ts";
import { type Subject, selectRuns } from "./select.ts";

export interface AnalyzeOptions {
  readonly client: MlflowClient;
  readonly subject: Subject;
  /** Classes per row that are listed as losing most. Default 10. */
  readonly worst?: number;
  /** Draw the figures that the Markdown shows. Default true. */
  readonly draw?: boolean;
  /** Default 2000. */
  readonly resamples?: number;
  /** Of the bootstrap. Default 0. */
  readonly seed?: number;
  readonly onProgress?: (line: string) => void;
}

export interface Analyzed {
  readonly markdown: string;
  /** What the Markdown shows, as figures/<name>.svg. */
  readonly figures: readonly Figure[];
  /** The same for a terminal, without figures. */
  readonly text: string;
  /** Plain data, fit for JSON. */
  readonly json: object;
  /** What was left out, and why. */
  readonly omitted: readonly string[];
}

/**
 * What rows do to classes: groups, the 3×3 map, which imbalance explains accuracy, which classes lose most, and how far
 * backbones agree on what is rare. Writes nothing; the same runs and seed give the same text.
 * @throws ReportError without runs to analyse; TrackingError for a server that fails
 */
export async function analyzeRuns(options: AnalyzeOptions): Promise<Analyzed> {
  const { client, worst = 10, draw = true, resamples = 2000, seed = 0, onProgress = () => {} } = options;
  const { title, runs } = await selectRuns(client, options.subject);
  onProgress(`Reading ${runs.length} finished ${runs.length === 1 ? "run" : "runs"} of ${title}`);
  const gathered = await gatherRows(runReader(client), runs);
  const { priors, omitted: withoutPrior } = await gatherPriors(client, gathered);
  const analysis = analyse(gathered, { resamples, seed });
  const explained = gathered.rows.map((row) => explain(analysis, row));
  const losses = explained.map((own) => lossesOf(explained, own, worst));
  const omitted = [...gathered.omitted, ...withoutPrior];
  const blocks: Block[] = [
    heading(1, `Analysis of ${title}`),
    factsBlock(analysis),
    ...rowsBlocks(analysis),
    ...(await crossingBlocks(analysis, draw)),
    ...(await explainBlocks(analysis, explained, draw)),
    ...lossBlocks(analysis, losses, worst),
    ...(await priorBlocks(priors, draw)),
    ...frame(analysis, omitted, resamples, seed),
  ];
  return { ...rendered(blocks), json: analysisJson({ title, analysis, losses, priors, omitted }), omitted };
}

export interface SettingsOptions extends Omit<AnalyzeOptions, "worst" | "draw"> {
  /** Params whose values are compared, taken together; each with those below it ("peft": also "peft.…"). */
  readonly by: readonly string[];
  /** A value as the table calls it; default: the first that was run. */
  readonly against?: string;
}

/**
 * The same methods under several values of some params, all else equal.
 * @throws ReportError where no two values can be compared; TrackingError for a server that fails
 */
export async function analyzeSettings(options: SettingsOptions): Promise<Analyzed> {
  const { client, by, against, resamples = 2000, seed = 0, onProgress = () => {} } = options;
  const varied = variedBy(by);
  const { title, runs: selected } = await selectRuns(client, options.subject, varied);
  // Zero-shot rows stay where the params can concern them.
  const frozen = by.some(concernsFrozen);
  const runs = selected.filter((run) => frozen || !isZeroShot(run));
  const like = comparableSetting(runs.length > 0 ? runs : selected, by);
  onProgress(`Reading ${runs.length} finished runs of ${title}`);
  const gathered = await gatherRows(runReader(client), runs, { varied, like });
  const values = [...new Map(gathered.rows.map((row) => [keyOf(row.varied), row.varied])).values()];
  const analysis = analyse(gathered, { resamples, seed });
  const labels = valueLabels(by, values);
  const settings = compareSettings({
    analysis,
    varied,
    labels,
    ...(against === undefined ? {} : { against: labelNamed(against, by, values, labels) }),
  });
  const what = by.join(", ");
  const omitted = [...gathered.omitted, ...settings.omitted];
  const blocks: Block[] = [
    heading(1, `${title} by ${what}`),
    factsBlock(analysis),
    ...(settings.methods.length > 0
      ? settingsBlocks(settings, what)
      : [
          paragraph(
            `No method on the same backbones has been run with "${settings.against}" and another value.`,
          ),
        ]),
    ...frame(analysis, omitted, resamples, seed),
  ];
  return {
    ...rendered(blocks),
    json: settingsJson({ title, by, settings, setting: gathered.setting, omitted }),
    omitted,
  };
}

const frame = (analysis: Analysis, omitted: readonly string[], resamples: number, seed: number): Block[] => [
  ...omittedBlocks(omitted),
  ...settingBlocks(analysis.setting),
  ...methodBlocks(resamples, seed),
];

const rendered = (blocks: readonly Block[]) => ({
  markdown: toMarkdown(blocks),
  text: toTerminal(blocks),
  figures: blocks.flatMap((block) => (block.kind === "figures" ? block.figures : [])),
});

/** An analysis's files by name. */
export const analysisFiles = ({ markdown, json, figures }: Analyzed): ReadonlyMap<string, string> =>
  new Map([
    ["analysis.md", markdown],
    ["analysis.json", `${JSON.stringify(json, null, 2)}\n`],
    ...figures.map(({ name, svg }) => [`figures/${name}.svg`, svg] as const),
  ]);
