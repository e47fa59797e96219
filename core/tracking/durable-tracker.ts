import { describeError } from "../errors.ts";
import { type MlflowClient, MlflowError, type TransportOptions } from "../mlflow-js-client/index.ts";
import { createDeliverer } from "./delivery/deliverer.ts";
import { readMark } from "./delivery/mark.ts";
import { type DeliveryTiming, isTimeout } from "./delivery/pacing.ts";
import { findDiskRuns } from "./disk/find-runs.ts";
import { openDiskTracker } from "./disk-tracker.ts";
import { TrackingError } from "./errors.ts";
import { finishedRuns } from "./finished-runs.ts";
import { openExperiment } from "./mlflow-tracker.ts";
import type { FinishedRun, TrackedRun, Tracker } from "./tracker.ts";

export interface DurableTrackerOptions {
  /** Makes a client of the server with these settings. */
  readonly connect: (options: TransportOptions) => MlflowClient;
  readonly experiment: string;
  /** Folder of the journals, as the disk tracker's. */
  readonly root: string;
  /** A line the user should read. */
  readonly warn?: (line: string) => void;
  /** A line about how it goes. */
  readonly line?: (line: string) => void;
  /** The user was told that the server does not answer. */
  readonly told?: boolean;
  readonly timing?: Partial<DeliveryTiming & RequestTiming>;
}

/** All in ms. */
export interface RequestTiming {
  /** Time of a request that is no artifact. Default 30 000: servers may take 10 s for each. */
  readonly request: number;
  /** For asking about finished runs, and the longest silence while a file of one is read. Default 15 000. */
  readonly ask: number;
}

/**
 * Writes runs to journals on disk, and delivers these to an MLflow server in the background: the work never waits for
 * the server and does not end with it. `syncToMlflow` can finish what is left, on any machine. A run's id is its own, the
 * server's tag `dualtail.run_id`.
 * @throws FileError when the folder cannot be written to; nothing for what the server does
 */
export async function openDurableTracker(options: DurableTrackerOptions): Promise<Tracker> {
  const { connect, experiment, root, warn = () => {}, line = () => {}, told = false, timing = {} } = options;
  const { request = 30_000, ask = 15_000 } = timing;
  // Requests that are under way when waiting ends must not keep the process.
  const ended = new AbortController();
  const cancel = () => ended.abort();
  const client = connect({ retries: 0, timeoutMs: request, signal: ended.signal });
  const deliverer = createDeliverer({ client, experiment, root, warn, line, cancel, told, timing });
  const disk = await openDiskTracker({ root, experiment, watcher: deliverer, warn });
  const onServer = (run: TrackedRun): TrackedRun => ({
    ...run,
    get url() {
      return deliverer.url(run.id);
    },
  });

  /** What an earlier process left of the runs below this one, some of which will not be resumed: they have ended. */
  const adoptChildren = async (id: string) => {
    // A journal that is broken is none of this run's business.
    for (const child of await findDiskRuns(root, (problem) => warn(describeError(problem)))) {
      if (child.start.parent !== id || child.state === "RUNNING") continue;
      const mark = await readMark(child.folder);
      if (mark?.bytes !== child.size || mark.uri !== client.baseUrl) deliverer.adopt(child);
    }
  };

  return {
    description: `MLflow at ${client.baseUrl}`,
    get experimentUrl() {
      const { experimentId } = deliverer;
      return experimentId === undefined ? undefined : client.experimentUrl(experimentId);
    },
    startRun: async (run) => onServer(await disk.startRun(run)),
    async resumeRun(id, name) {
      const run = await disk.resumeRun(id, name);
      await adoptChildren(id).catch((error: unknown) => warn(describeError(error)));
      return onServer(run);
    },
    async finishedRuns(tag, { needed = false } = {}) {
      const find = async () => {
        const { experimentId } = await openExperiment(client, experiment);
        return finishedRuns(client, experimentId, tag, ask);
      };
      if (needed) return within(ask, find());
      try {
        const found = await within(ask, find());
        return forgiving(found, warn);
      } catch (error) {
        if (!isTrouble(error)) throw error;
        (told ? line : warn)(`${describeError(error)}. So no finished run is reused`);
        return [];
      }
    },
    async close() {
      try {
        await disk.close();
      } finally {
        await deliverer.close();
      }
    },
  };
}

/**
 * An artifact that the server does not give now is one that cannot be read. Once one did not come at all, none is asked
 * for: the work must not wait for each of many.
 */
function forgiving(runs: readonly FinishedRun[], warn: (line: string) => void): FinishedRun[] {
  let isSilent = false;
  return runs.map((run) => ({
    ...run,
    async artifact(path) {
      if (isSilent) return undefined;
      try {
        return await run.artifact(path);
      } catch (error) {
        if (!isTrouble(error)) throw error;
        isSilent = isTimeout(error);
        const rest = isSilent ? ". No other file of a finished run is asked for" : "";
        warn(`${path} of run ${run.id} cannot be read: ${describeError(error)}${rest}`);
        return undefined;
      }
    },
  }));
}

/** The server's failure, not ours. */
const isTrouble = (error: unknown): boolean =>
  error instanceof Late ||
  (error instanceof TrackingError && error.cause instanceof MlflowError && error.cause.transient);

class Late extends TrackingError {}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Late(`MLflow did not answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
