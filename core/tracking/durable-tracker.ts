import { describeError } from "../errors.ts";
import { type MlflowClient, MlflowError, type TransportOptions } from "../mlflow-js-client/index.ts";
import { createDeliverer } from "./delivery/deliverer.ts";
import { readMark } from "./delivery/mark.ts";
import type { DeliveryTiming } from "./delivery/pacing.ts";
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
  readonly timing?: Partial<
    DeliveryTiming & { /** For asking about finished runs, ms. */ readonly ask: number }
  >;
}

/**
 * Writes runs to journals on disk, and delivers these to an MLflow server in the background: the work never waits for
 * the server and does not end with it. `syncToMlflow` can finish what is left, on any machine. A run's id is its own, the
 * server's tag `dualtail.run_id`.
 * @throws FileError when the folder cannot be written to; nothing for what the server does
 */
export async function openDurableTracker(options: DurableTrackerOptions): Promise<Tracker> {
  const { connect, experiment, root, warn = () => {}, line = () => {}, told = false, timing = {} } = options;
  // Requests that are under way when waiting ends must not keep the process.
  const ended = new AbortController();
  const client = connect({
    retries: 0,
    fetch: (input, init) =>
      fetch(input, {
        ...init,
        signal: AbortSignal.any([ended.signal, ...(init?.signal ? [init.signal] : [])]),
      }),
  });
  const deliverer = createDeliverer({ client, experiment, root, warn, line, told, timing });
  const disk = await openDiskTracker({ root, experiment, watcher: deliverer, warn });
  const onServer = (run: TrackedRun): TrackedRun => ({
    ...run,
    get url() {
      return deliverer.url(run.id);
    },
  });

  /** What an earlier process left of the runs below this one, some of which will not be resumed: they have ended. */
  const adoptChildren = async (id: string) => {
    for (const child of await findDiskRuns(root)) {
      if (child.start.parent !== id || child.state === "RUNNING") continue;
      if ((await readMark(child.folder))?.bytes !== child.size) deliverer.adopt(child);
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
      // A journal that is broken is none of this run's business.
      await adoptChildren(id).catch((error: unknown) => warn(describeError(error)));
      return onServer(run);
    },
    async finishedRuns(tag) {
      const ask = async () => {
        const { experimentId } = await openExperiment(client, experiment);
        return finishedRuns(client, experimentId, tag);
      };
      try {
        const found = await within(timing.ask ?? 15_000, ask());
        return found.map((run) => forgiving(run, warn));
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
        ended.abort();
      }
    },
  };
}

/** An artifact that the server does not give now is one that cannot be read. */
const forgiving = (run: FinishedRun, warn: (line: string) => void): FinishedRun => ({
  ...run,
  async artifact(path) {
    try {
      return await run.artifact(path);
    } catch (error) {
      if (!isTrouble(error)) throw error;
      warn(`${path} of run ${run.id} cannot be read: ${describeError(error)}`);
      return undefined;
    }
  },
});

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
