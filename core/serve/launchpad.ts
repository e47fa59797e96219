import { publishedComparisonSchema } from "../comparison/config/published-schema.ts";
import type { PluginKind, PluginRegistry } from "../container/index.ts";
import { DualtailError, describeError } from "../errors.ts";
import {
  type LaunchPageData,
  type LossOffer,
  launchPage,
  lossOffer,
  type OfferedLoss,
} from "../launch-page/index.ts";
import type { Run } from "../mlflow-js-client/index.ts";
import { answer } from "./answer.ts";
import type { ServeContext } from "./context.ts";
import { withOwnPart } from "./note.ts";
import { TAGS } from "./tags.ts";
import { timingsOf } from "./timings.ts";

const NAME = "launchpad: start a comparison here";
const PAGE = "launch.html";

export interface WatchedExperiment {
  readonly experimentId: string;
  readonly name: string;
}

/**
 * The experiment's launchpad: one run, found again by its tag, with the form and what is on offer, and a link to it in
 * the experiment's description. @returns the run's id
 * @throws MlflowError
 */
export async function openLaunchpad(
  context: Omit<ServeContext, "queue">,
  { experimentId, name }: WatchedExperiment,
): Promise<string> {
  const { client, reporter } = context;
  const { info } =
    (await findLaunchpad(context, experimentId)) ?? (await createLaunchpad(context, experimentId));
  const { runId } = info;
  await client.runs.update(runId, { status: "RUNNING", runName: NAME });
  await client.runs.logBatch(runId, { tags: { [TAGS.note]: instructions(context) } });
  try {
    const page = await pageData(context, { experimentId, name });
    const { presets, offers, limits } = page;
    const json = { version: 1, experiment: name, ...offers, presets: Object.keys(presets), limits };
    await client.artifacts.upload(info, "offers.json", `${JSON.stringify(json, null, 2)}\n`);
    await client.artifacts.upload(info, PAGE, await launchPage(page));
    await answer(client, runId, { message: "waiting for requests" });
  } catch (error) {
    // Where artifacts cannot be written, the tags still do.
    const message = `the form cannot be put there: ${describeError(error)}`;
    reporter.warn(`${name}: ${message}`);
    await answer(client, runId, { message });
  }
  await describe(context, experimentId, runId);
  return runId;
}

/** Puts the form there anew, which tells by then what more trainings took. @throws MlflowError */
export async function refreshForm(
  context: Omit<ServeContext, "queue">,
  runId: string,
  experiment: string,
): Promise<void> {
  const { client } = context;
  const { info } = await client.runs.get(runId);
  const data = await pageData(context, { experimentId: info.experimentId, name: experiment });
  await client.artifacts.upload(info, PAGE, await launchPage(data));
}

async function findLaunchpad(
  { client }: Pick<ServeContext, "client">,
  experimentId: string,
): Promise<Run | undefined> {
  const { items } = await client.runs.search({
    experimentIds: [experimentId],
    filter: `tags.\`${TAGS.kind}\` = 'launchpad'`,
    orderBy: ["attributes.start_time ASC"],
    maxResults: 1,
  });
  return items[0];
}

const createLaunchpad = ({ client }: Pick<ServeContext, "client">, experimentId: string): Promise<Run> =>
  client.runs.create({
    experimentId,
    runName: NAME,
    tags: { [TAGS.kind]: "launchpad", [TAGS.watch]: "1" },
  });

/**
 * What the form of an experiment is made of.
 * @throws DualtailError where a loss cannot be asked for its recipe, MlflowError
 */
export async function pageData(
  { client, config, registry }: Pick<ServeContext, "client" | "config" | "registry">,
  { experimentId, name }: WatchedExperiment,
): Promise<LaunchPageData> {
  const { allow, datasets, backbones, limits, presets } = config;
  const allowed = (kind: PluginKind, names?: readonly string[]) =>
    registry.names(kind).filter((one) => names?.includes(one) ?? true);
  return {
    experimentId,
    experimentName: name,
    schema: publishedComparisonSchema(registry),
    presets,
    offers: {
      datasets: Object.keys(datasets),
      backbones: Object.keys(backbones),
      losses: allowed("loss", allow.losses).map((loss) => offerOf(registry, loss)),
      pefts: allowed("peft", allow.pefts),
      devices: allow.device,
    },
    limits,
    timings: await timingsOf({ client, config }, experimentId),
  };
}

/** A loss with what it trains; one whose options have no defaults is offered by its name alone. */
function offerOf(registry: PluginRegistry, name: string): string | LossOffer {
  const plugin = registry.get("loss", name);
  if (!registry.checkOptions("loss", name, {}).ok) return name;
  const recipe: OfferedLoss["recipe"] = (own) => {
    const checked = registry.checkOptions("loss", name, own);
    if (!checked.ok) throw new DualtailError(`${name}: these options do not go together`);
    return plugin.recipe(checked.options as never);
  };
  return lossOffer({ name, options: plugin.options, recipe });
}

function instructions({ config: { presets } }: Pick<ServeContext, "config">): string {
  const names = Object.keys(presets);
  return [
    `Open the artifact \`${PAGE}\` and fill in the form, or set this run's tag \`${TAGS.launch}\` to ${names.length ? "a preset's name or " : ""}a comparison's config in YAML.`,
    ...(names.length ? [`Presets: ${names.map((one) => `\`${one}\``).join(", ")}.`] : []),
    `On a comparison's run the tag \`${TAGS.action}\` does \`stop\`, \`resume\` or \`rerun\`. The answer is in \`${TAGS.message}\`.`,
  ].join("\n\n");
}

/** The link, relative so that it holds whatever address people reach the server at. */
async function describe({ client }: Pick<ServeContext, "client">, experimentId: string, runId: string) {
  const page = `#/experiments/${experimentId}/runs/${runId}/artifacts/${PAGE}`;
  const { tags } = await client.experiments.get(experimentId);
  const own = `[Start a comparison](${page})`;
  const note = withOwnPart(tags[TAGS.note] ?? "", own);
  if (note !== tags[TAGS.note]) await client.experiments.setTag(experimentId, TAGS.note, note);
}
