import type { MlflowClient, Run } from "../mlflow-js-client/index.ts";
import { TAGS } from "./tags.ts";

/** Runs that are looked at: all that wait or run, then comparisons that ended, the newest of each status first. */
const MOST = 200;

/** One search over all experiments for everything that may ask for something. @throws MlflowError */
export async function watchedRuns(
  client: MlflowClient,
  experimentIds: readonly string[],
): Promise<readonly Run[]> {
  const { items } = await client.runs.search({
    experimentIds,
    filter: `tags.\`${TAGS.watch}\` = '1'`,
    // SCHEDULED, RUNNING, KILLED, FINISHED, FAILED
    orderBy: ["attributes.status DESC", "attributes.start_time DESC"],
    maxResults: MOST,
  });
  return items;
}
