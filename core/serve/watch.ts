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

/** Those of these launchpads on which a launch is asked for. @throws MlflowError */
export async function runsWithLaunch(
  client: MlflowClient,
  experimentIds: readonly string[],
  pads: readonly string[],
): Promise<readonly Run[]> {
  const { items } = await client.runs.search({
    experimentIds,
    filter: `attributes.run_id IN (${pads.map((id) => `'${id}'`).join(", ")})`,
    maxResults: pads.length,
  });
  return items.filter(({ tags }) => tags[TAGS.launch] !== undefined);
}

/** Requests whose maker has ended before they were SCHEDULED are taken for asked after so long, ms. */
const HALF_MADE = 60_000;

/** Makes requests of those that nobody will complete any more. @throws MlflowError */
export async function completeHalfMade(client: MlflowClient, experimentIds: readonly string[]) {
  const { items } = await client.runs.search({
    experimentIds,
    filter: `${WATCHED} and tags.\`${TAGS.kind}\` = 'request' and attributes.status = 'RUNNING'`,
    maxResults: PAGE,
  });
  for (const { info, tags } of items) {
    if (tags[TAGS.state] !== undefined || Date.now() - info.startTime < HALF_MADE) continue;
    await client.runs.update(info.runId, { status: "SCHEDULED" });
  }
}

/**
 * The oldest requests that have not been dealt with. What is in the queue is a comparison by its tag, so that a look does
 * not grow with what waits.
 * @param kind "comparison": those that were taken and wait, as far as MLflow knows
 * @throws MlflowError
 */
export async function newRequests(
  client: MlflowClient,
  experimentIds: readonly string[],
  {
    most,
    isKnown,
    kind = "request",
  }: {
    readonly most: number;
    readonly isKnown: (run: Run) => boolean;
    readonly kind?: "request" | "comparison";
  },
): Promise<readonly Run[]> {
  const found: Run[] = [];
  let pageToken: string | undefined;
  do {
    const page = await client.runs.search({
      experimentIds,
      filter: `${WATCHED} and tags.\`${TAGS.kind}\` = '${kind}' and attributes.status = 'SCHEDULED'`,
      orderBy: ["attributes.start_time ASC"],
      maxResults: PAGE,
      pageToken,
    });
    found.push(...page.items.filter((run) => !isKnown(run)));
    pageToken = page.nextPageToken;
  } while (found.length < most && pageToken !== undefined);
  return found.slice(0, most);
}
