import { hasErrorCode, type MlflowClient, MlflowError, type Run } from "../mlflow-js-client/index.ts";
import { tracked, trackingError } from "./errors.ts";
import { TAGS } from "./mlflow-tags.ts";
import type { FinishedRun } from "./tracker.ts";

/**
 * The finished runs of an experiment that have a tag, newest first.
 * @param silence longest time without a byte of an artifact, ms; default the client's
 * @throws TrackingError
 */
export async function finishedRuns(
  client: MlflowClient,
  experimentId: string,
  tag: string,
  silence?: number,
): Promise<FinishedRun[]> {
  const runs: FinishedRun[] = [];
  let pageToken: string | undefined;
  do {
    const page = await tracked(
      client.runs.search({
        experimentIds: [experimentId],
        filter: `attributes.status = 'FINISHED' and tags.\`${tag}\` LIKE '%'`,
        orderBy: ["attributes.start_time DESC"],
        ...(pageToken === undefined ? {} : { pageToken }),
      }),
    );
    runs.push(...page.items.map((run) => finishedRun(client, run, silence)));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return runs;
}

const finishedRun = (
  client: MlflowClient,
  { info, tags, metrics }: Run,
  timeoutMs: number | undefined,
): FinishedRun => ({
  id: info.runId,
  ownId: tags[TAGS.runId],
  url: client.runUrl(info.experimentId, info.runId),
  tags,
  metrics: Object.fromEntries(
    metrics.filter(({ value }) => Number.isFinite(value)).map(({ key, value }) => [key, value]),
  ),
  async artifact(path) {
    try {
      return await client.artifacts.download(info, path, { timeoutMs });
    } catch (error) {
      // A server that fails or cannot be reached is another matter than a run without the file.
      const missing =
        hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST") ||
        hasErrorCode(error, "UNSUPPORTED_ARTIFACT_URI") ||
        (error instanceof MlflowError && error.status === 404);
      if (missing) return undefined;
      throw trackingError(error);
    }
  },
});
