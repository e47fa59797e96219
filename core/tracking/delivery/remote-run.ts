import { hasErrorCode, type MlflowClient, MlflowError, type Run } from "../../mlflow-js-client/index.ts";
import type { StartEvent } from "../disk/journal.ts";
import { SOURCE_NAME, shortenedTags, sourceTags, TAGS } from "../mlflow-tags.ts";

/**
 * The server's run of a journal, found by the tag that belongs to it alone, else created. A creation whose answer comes
 * too late may be done twice: `deleteTwins`, once the run has a position.
 * @throws MlflowError
 */
export async function ensureRemoteRun(
  client: MlflowClient,
  experimentId: string,
  start: StartEvent,
  parentRunId?: string,
): Promise<{ readonly run: Run; readonly created: boolean }> {
  const known = await findRemoteRun(client, experimentId, start);
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

interface Sought {
  /** Its own id, its tag `dualtail.run_id`. */
  readonly id: string;
  /** The server's, where whoever began it knew that. */
  readonly serverId?: string;
}

/** The run of the server's id: a tag can be written on any run by anyone. */
async function namedRun(
  client: MlflowClient,
  experimentId: string,
  { id, serverId }: Sought,
): Promise<Run | undefined> {
  if (serverId === undefined) return undefined;
  try {
    const run = await client.runs.get(serverId);
    return run.info.experimentId === experimentId && run.tags[TAGS.runId] === id ? run : undefined;
  } catch (error) {
    // Another server than the one it was begun on.
    if (hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST")) return undefined;
    throw error;
  }
}

/**
 * The run of the server's id; else, of several active ones with the own id, that which has the most, and one that was
 * deleted only where there is no other.
 * @throws MlflowError
 */
export async function findRemoteRun(
  client: MlflowClient,
  experimentId: string,
  sought: Sought,
): Promise<Run | undefined> {
  const named = await namedRun(client, experimentId, sought);
  if (named) return named;
  const runs = await allWith(client, experimentId, sought.id);
  const synced = (run: Run) => Number(run.tags[TAGS.synced] ?? -1);
  const [best] = runs.filter(isActive).sort((a, b) => synced(b) - synced(a));
  return best ?? runs[0];
}

/**
 * Deletes what a creation left whose answer came too late: runs of the same own id into which nothing was ever delivered.
 * Only for who delivers the run, and once it has a position: before that, nobody knows which of them it is.
 * @throws MlflowError while the server fails
 */
export async function deleteTwins(client: MlflowClient, { info, tags }: Run): Promise<void> {
  const id = tags[TAGS.runId];
  if (id === undefined) return;
  try {
    for (const twin of await allWith(client, info.experimentId, id)) {
      if (twin.info.runId === info.runId || !isActive(twin) || twin.tags[TAGS.synced] !== undefined) continue;
      // Made by someone else, to ask for something, say.
      if (twin.tags[TAGS.sourceName] !== SOURCE_NAME) continue;
      await client.runs.delete(twin.info.runId);
    }
  } catch (error) {
    // Who may not delete runs has one too many: no reason to hold this one back.
    if (!(error instanceof MlflowError) || error.transient) throw error;
  }
}

const isActive = ({ info }: Run): boolean => info.lifecycleStage === "active";

async function allWith(client: MlflowClient, experimentId: string, id: string): Promise<readonly Run[]> {
  const { items } = await client.runs.search({
    experimentIds: [experimentId],
    filter: `tags.\`${TAGS.runId}\` = '${id}'`,
    viewType: "ALL",
    maxResults: 10,
  });
  return items;
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
