import { parseConfigDocument } from "../comparison/config/index.ts";
import { suggest } from "../container/schema/nearest.ts";
import { DualtailError, describeError } from "../errors.ts";
import type { Run } from "../mlflow-js-client/index.ts";
import { answer, takeTag } from "./answer.ts";
import type { ServeContext } from "./context.ts";
import { RefusedError } from "./errors.ts";
import type { LaunchRequest } from "./requests.ts";
import { resolveRequest } from "./resolve-request.ts";
import { submitRequest } from "./submit.ts";
import { TAGS } from "./tags.ts";

/** Whoever sets a tag is not told to the server: all of them share one allowance. */
const REQUESTER = "launchpad";

/**
 * Makes a request of a launchpad's tag `dualtail.launch`, takes the tag away and answers in another. @throws MlflowError
 */
export async function takeLaunch(context: ServeContext, pad: Run, experiment: string): Promise<void> {
  const { client, config: server, registry, baseDir } = context;
  const { runId, experimentId } = pad.info;
  const text = pad.tags[TAGS.launch]!;
  await takeTag(client, runId, TAGS.launch);
  try {
    const request = launchOf(text, server, baseDir);
    // Told here, where whoever asked is looking.
    resolveRequest(request, { server, registry, baseDir, experiment });
    const made = await submitRequest(client, { experimentId, request, requester: REQUESTER });
    await answer(client, runId, { message: `launched: ${client.runUrl(experimentId, made)}` });
  } catch (error) {
    if (!(error instanceof DualtailError)) throw error;
    await answer(client, runId, { message: `not launched: ${describeError(error)}` });
  }
}

/** @throws DualtailError for what is neither a preset nor a config */
function launchOf(text: string, { presets, limits }: ServeContext["config"], baseDir: string): LaunchRequest {
  if (text.length > limits.tagCharacters) {
    throw new RefusedError(`the tag has more than ${limits.tagCharacters} characters`);
  }
  const name = text.trim();
  if (Object.hasOwn(presets, name)) return { version: 1, config: presets[name]! };
  const { data } = parseConfigDocument(text, TAGS.launch, baseDir);
  if (typeof data === "object" && data !== null && !Array.isArray(data)) {
    return { version: 1, config: data as Readonly<Record<string, unknown>> };
  }
  const names = Object.keys(presets);
  const told = names.length > 0 ? suggest(name.slice(0, 100), names, "there are") : "this server has none";
  throw new RefusedError(`there is no preset "${name.slice(0, 100)}"`, {
    hint: `${told}; a config begins with dataset:`,
  });
}
