import { hasErrorCode, type MlflowClient, type Run } from "../../mlflow-js-client/index.ts";
import type { StartEvent } from "../disk/journal.ts";
import { shortenedTags, sourceTags, TAGS } from "../mlflow-tags.ts";

/**
 * The server's run of a journal, found by the tag that belongs to it alone, else created. A creation that the server
 * took twice (its first answer came too late) leaves an empty twin, which is deleted.
 * @throws MlflowError
 */
export async function ensureRemoteRun(
  client: MlflowClient,
  experimentId: string,
  start: StartEvent,
  parentRunId?: string,
): Promise<{ readonly run: Run; readonly created: boolean }> {
  const known = await findRemoteRun(client, experimentId, start.id);
  if (known) return { run: known, created: false };
  const run = await client.runs.create({
    experimentId,
    runName: start.name,
    startTime: start.time,
    userId: start.user,
    uniqueTag: TAGS.runId,
    tags: {
      ...sourceTags(start.user),
      ...(parentRunId ? { [TAGS.parentRunId]: parentRunId } : {}),
      ...shortenedTags(start.tags),
      [TAGS.runId]: start.id,
    },
  });
  return { run, created: true };
}

/** Also one that was deleted. */
export async function findRemoteRun(
  client: MlflowClient,
  experimentId: string,
  id: string,
): Promise<Run | undefined> {
  const filter = `tags.\`${TAGS.runId}\` = '${id}'`;
  const { items } = await client.runs.search({
    experimentIds: [experimentId],
    filter,
    viewType: "ALL",
    maxResults: 10,
  });
  const synced = (run: Run) => Number(run.tags[TAGS.synced] ?? -1);
  const active = items.filter(({ info }) => info.lifecycleStage === "active");
  const [best, ...twins] = active.sort((a, b) => synced(b) - synced(a));
  for (const twin of twins)
    if (twin.tags[TAGS.synced] === undefined) await client.runs.delete(twin.info.runId);
  return best ?? items[0];
}

/** Whether someone deleted it since. @throws MlflowError */
export async function isGone(client: MlflowClient, runId: string): Promise<boolean> {
  try {
    return (await client.runs.get(runId)).info.lifecycleStage === "deleted";
  } catch (error) {
    if (hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST")) return true;
    throw error;
  }
}
