import type { MlflowClient, Run } from "../mlflow-js-client/index.ts";
import { TAGS } from "./tags.ts";

const WATCHED = `tags.\`${TAGS.watch}\` = '1'`;
/** Runs in one answer of MLflow. */
const PAGE = 200;
/** Actions done in one look; the others wait for the next. */
const ACTIONS = 50;

/** Runs on which an action is asked for, however old: what waits or runs before what has ended. @throws MlflowError */
export async function runsWithAction(
  client: MlflowClient,
  experimentIds: readonly string[],
): Promise<readonly Run[]> {
  const { items } = await client.runs.search({
    experimentIds,
    filter: `${WATCHED} and tags.\`${TAGS.action}\` LIKE '%'`,
    // RUNNING, KILLED, FINISHED, FAILED after SCHEDULED
    orderBy: ["attributes.status DESC", "attributes.start_time DESC"],
    maxResults: ACTIONS,
  });
  return items;
}

/** Launchpads on which a launch is asked for. @throws MlflowError */
export async function runsWithLaunch(
  client: MlflowClient,
  experimentIds: readonly string[],
): Promise<readonly Run[]> {
  const { items } = await client.runs.search({
    experimentIds,
    filter: `${WATCHED} and tags.\`${TAGS.kind}\` = 'launchpad'`,
    maxResults: PAGE,
  });
  return items.filter(({ tags }) => tags[TAGS.launch] !== undefined);
}

/**
 * The oldest requests that have not been dealt with. What waits in the queue is SCHEDULED too, and is passed over page by
 * page: no filter that every MLflow takes tells it from what is new.
 * @throws MlflowError
 */
export async function newRequests(
  client: MlflowClient,
  experimentIds: readonly string[],
  { most, isKnown }: { readonly most: number; readonly isKnown: (run: Run) => boolean },
): Promise<readonly Run[]> {
  const found: Run[] = [];
  let pageToken: string | undefined;
  do {
    const page = await client.runs.search({
      experimentIds,
      filter: `${WATCHED} and tags.\`${TAGS.kind}\` = 'request' and attributes.status = 'SCHEDULED'`,
      orderBy: ["attributes.start_time ASC"],
      maxResults: PAGE,
      pageToken,
    });
    found.push(...page.items.filter((run) => !isKnown(run)));
    pageToken = page.nextPageToken;
  } while (found.length < most && pageToken !== undefined);
  return found.slice(0, most);
}
