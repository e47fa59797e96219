import { describeError } from "../errors.ts";
import { MlflowError, type Run } from "../mlflow-js-client/index.ts";
import { act } from "./actions.ts";
import type { ServeContext } from "./context.ts";
import { TAGS } from "./tags.ts";
import { takeLaunch } from "./take-launch.ts";
import { takeRequest } from "./take-request.ts";
import { newRequests, runsWithAction, runsWithLaunch } from "./watch.ts";
import type { Worker } from "./worker.ts";

export interface Attending {
  readonly worker: Worker;
  /** Names of the experiments by id. */
  readonly experiments: ReadonlyMap<string, string>;
  /** Run ids of this server's launchpads. */
  readonly pads: readonly string[];
  /** Aborted: the rest is for whoever comes next. */
  readonly signal: AbortSignal;
}

/** Requests taken in one look, so that what asks for an action does not wait for all of them. */
const REQUESTS = 20;
/** Nor does it wait longer than this for those where MLflow is slow, ms. */
const TAKING = 2000;

/**
 * Makes a look at MLflow that does what is asked for: actions first, then launches, then requests, oldest first.
 * @returns a look; it tells whether more requests wait, so that the next look shall come at once
 */
export function createLook(context: ServeContext, attending: Attending): () => Promise<boolean> {
  const { client, queue, reporter } = context;
  const { worker, experiments, pads, signal } = attending;
  const ids = [...experiments.keys()];
  /** What looks without a pause between them have dealt with: what came to nothing does not keep out the others. */
  const attended = new Set<string>();
  /** What waits as far as MLflow knows and is not in the queue, its file having been lost, is looked for once. */
  let searchedLost = false;

  const attempt = async (run: Run, work: (experiment: string) => Promise<void>) => {
    try {
      await work(experiments.get(run.info.experimentId)!);
    } catch (error) {
      if (error instanceof MlflowError && error.transient) throw error;
      // What one run asks for is none of the others' business.
      reporter.warn(`run ${run.info.runId}: ${describeError(error)}`);
    }
    worker.wake();
  };

  return async () => {
    for (const run of await runsWithAction(client, ids)) await attempt(run, () => act(context, worker, run));
    for (const run of await runsWithLaunch(client, ids, pads))
      await attempt(run, (experiment) => takeLaunch(context, run, experiment));

    const waiting = new Set(queue.entries.map(({ runId }) => runId));
    const isKnown = ({ info, tags }: Run) =>
      pads.includes(info.runId) ||
      attended.has(info.runId) ||
      (waiting.has(info.runId) && tags[TAGS.state] !== undefined);
    const look = { most: REQUESTS, isKnown };
    const lost = searchedLost ? [] : await newRequests(client, ids, { ...look, kind: "comparison" });
    searchedLost ||= lost.length < REQUESTS;
    const requests = lost.length > 0 ? lost : await newRequests(client, ids, look);
    const end = Date.now() + TAKING;
    let taken = 0;
    for (const run of requests) {
      if (signal.aborted || (taken > 0 && Date.now() > end)) break;
      await attempt(run, (experiment) => takeRequest(context, run, experiment));
      attended.add(run.info.runId);
      taken += 1;
    }
    const more = taken < requests.length || requests.length === REQUESTS || lost.length > 0;
    if (!more) attended.clear();
    return more;
  };
}
