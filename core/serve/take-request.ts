import { describeError, FileError } from "../errors.ts";
import { type MlflowClient, MlflowError, type Run } from "../mlflow-js-client/index.ts";
import { shortened } from "../tracking/mlflow-tags.ts";
import { answer, endRun } from "./answer.ts";
import type { ServeContext } from "./context.ts";
import { RefusedError } from "./errors.ts";
import { keptRequest } from "./kept-request.ts";
import { grantLimit } from "./limits.ts";
import { isRunId, parseRequest, requestText } from "./requests.ts";
import { resolveRequest } from "./resolve-request.ts";
import { oneLine, TAGS } from "./tags.ts";

/**
 * Puts a request into the queue, or refuses it: then its run ends FAILED, with the reason in a tag.
 * @throws MlflowError, FileError when the server or the disk fails; the request is then taken at another time
 */
export async function takeRequest(context: ServeContext, run: Run, experiment: string): Promise<void> {
  const { client, queue } = context;
  const { runId } = run.info;
  if (run.tags[TAGS.state] === "refused") {
    // By a process that did not come to end it. What was refused once stays so.
    await endRun(client, runId, "FAILED");
    return;
  }
  if (queue.entries.some((entry) => entry.runId === runId)) {
    // Taken by a process that did not come to say so.
    await tellQueued(client, runId, "queued");
    return;
  }
  let message: string | undefined;
  try {
    message = await enqueue(context, run, experiment);
  } catch (error) {
    // Not the request's fault.
    if (error instanceof MlflowError || error instanceof FileError) throw error;
    const reason = describeError(error);
    context.reporter.warn(`refused the request ${runId}: ${oneLine(reason)}`);
    await answer(client, runId, { state: "refused", message: reason });
    await endRun(client, runId, "FAILED");
    return;
  }
  if (message !== undefined) await tellQueued(client, runId, message);
}

/** From then on it is no request that a look would find. @throws MlflowError */
const tellQueued = (client: MlflowClient, runId: string, message: string): Promise<void> =>
  answer(client, runId, { state: "queued", message, kind: "comparison" });

/** @returns what to tell; nothing when it was run before and MLflow does not know yet */
async function enqueue(
  context: ServeContext,
  { info, tags }: Run,
  experiment: string,
): Promise<string | undefined> {
  const { client, config, outputDir, queue, registry, baseDir } = context;
  const { runId, experimentId } = info;
  const id = tags[TAGS.runId];
  if (!isRunId(id)) throw new RefusedError(`the tag ${TAGS.runId} must be 32 hex digits`);
  const kept = await keptRequest(outputDir, id);
  if (kept?.runId === runId) return undefined;
  if (kept || (await hasTwin(context, id, experimentId))) {
    throw new RefusedError(`the tag ${TAGS.runId} is that of another run`);
  }
  const request = parseRequest(requestText(tags, config.limits.tagCharacters));
  const { trainings, plan } = resolveRequest(request, { server: config, registry, baseDir, experiment });
  const requester = shortened(oneLine(tags[TAGS.user] ?? info.userId ?? "unknown"), 100);
  const grant = { requester, trainings, time: Date.now() };
  const limit = grantLimit(config.limits, queue, grant, grant.time);
  if (limit !== undefined) throw new RefusedError(limit);
  const ahead = queue.entries.length;
  await queue.add(
    { id, runId, experimentId, experiment, requester, request, state: "queued", attempts: 0 },
    grant,
  );
  context.reporter.line(`took the request ${client.runUrl(experimentId, runId)}`);
  return `queued: ${plan.cells.length} rows, ${trainings} of them trained; ${ahead} comparisons before it`;
}

/** Whether another run of the experiment has the id. */
async function hasTwin({ client, queue }: ServeContext, id: string, experimentId: string): Promise<boolean> {
  if (queue.entries.some((entry) => entry.id === id)) return true;
  const filter = `tags.\`${TAGS.runId}\` = '${id}'`;
  const found = await client.runs.search({
    experimentIds: [experimentId],
    filter,
    viewType: "ALL",
    maxResults: 2,
  });
  return found.items.length > 1;
}
