import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../errors.ts";
import type { MlflowClient } from "../../mlflow-js-client/index.ts";
import type { DiskRun } from "../disk/find-runs.ts";
import type { StartEvent } from "../disk/journal.ts";
import { eventsAfter, forceToDisk, readStart } from "../disk/look-up.ts";
import type { DiskWatcher, OpenDiskRun } from "../disk-tracker.ts";
import { trackingError } from "../errors.ts";
import { openExperiment } from "../mlflow-tracker.ts";
import { tryProcessLock } from "../process-lock.ts";
import { createRunDelivery, type RunDelivery } from "./deliver-run.ts";
import type { Refusable } from "./refusals.ts";
import { ensureRemoteRun, findRemoteRun } from "./remote-run.ts";

export interface DelivererOptions {
  /** Must not repeat requests by itself: how often and when is decided here. */
  readonly client: MlflowClient;
  readonly experiment: string;
  /** Folder of all journals; named to the user. */
  readonly root: string;
  readonly warn: (line: string) => void;
  readonly line: (line: string) => void;
  readonly timing?: Partial<DeliveryTiming>;
}

/** All in ms. */
export interface DeliveryTiming {
  /** How long events gather before a request: at first, so that a young run is seen at once, and in the long run. */
  readonly gather: number;
  readonly maxGather: number;
  /** First wait after a failure; doubles, with jitter of up to half of it. */
  readonly backoff: number;
  readonly maxBackoff: number;
  /** How long closing waits after the last progress. */
  readonly patience: number;
}

const TIMING: DeliveryTiming = {
  gather: 200,
  maxGather: 2000,
  backoff: 500,
  maxBackoff: 30_000,
  patience: 10_000,
};

export interface Deliverer extends DiskWatcher {
  /** Delivers what an earlier process left of a run that nobody writes. */
  adopt(run: DiskRun): void;
  /** Page of a run, once the server has it. */
  url(id: string): string | undefined;
  /** Id of the experiment, once the server was asked. */
  readonly experimentId: string | undefined;
  /** Waits for the delivery as long as it gets on, then says what is left. Does not throw. */
  close(): Promise<void>;
}

/** How long one run is delivered before the next has its turn, ms. */
const SLICE = 300;

class Stopped extends Error {}

/** Held by the process that delivers a run. */
export const DELIVERY_LOCK = "delivery.lock";

interface Delivered extends OpenDiskRun {
  pending: boolean;
  ended: boolean;
  delivery?: RunDelivery;
  release?: () => Promise<void>;
}

/**
 * Ships journals to MLflow in the background: one request at a time, runs in the order they were opened, so that parents
 * exist before their children. It holds offsets; the data stay on disk until they are sent. Nothing here throws into
 * training: while the server fails it waits ever longer and says so once.
 */
export function createDeliverer(options: DelivererOptions): Deliverer {
  const { client, experiment, root, warn, line } = options;
  const timing = { ...TIMING, ...options.timing };
  const runs = new Map<string, Delivered>();
  const urls = new Map<string, string>();
  const remoteIds = new Map<string, string>();
  const refused = new Set<Refusable>();
  let experimentId: string | undefined;
  let failures = 0;
  let told = false;
  let lastError: unknown;
  let allowance = 0;
  let lastProgress = Date.now();
  let closing = false;
  let stopped = false;
  let working: Promise<void> | undefined;
  let nudge = new AbortController();
  let newest = Date.now();

  const onAnswer = () => {
    lastProgress = Date.now();
    allowance = 0;
    failures = 0;
    if (told) line(`MLflow at ${client.baseUrl} takes data again; what was kept is being sent`);
    told = false;
  };

  const onUpload = (bytes: number) => {
    // A large file in one request is no standstill: 1 MB/s is expected of any network.
    allowance = bytes / 1000;
  };

  const onRefusal = (what: Refusable, reason: string) => {
    if (refused.has(what)) return;
    refused.add(what);
    warn(
      `MLflow refused a ${what} for good and goes without it: ${reason}. All such are in rejected.jsonl below ${root}`,
    );
  };

  const remoteParent = async (start: StartEvent): Promise<string | undefined> => {
    if (start.parent === undefined) return undefined;
    const known = remoteIds.get(start.parent);
    if (known !== undefined) return known;
    const parent = await findRemoteRun(client, experimentId!, start.parent);
    return parent?.info.runId;
  };

  /** Undefined while it is not its turn: another process delivers it, or its parent. */
  const openDelivery = async (run: Delivered, size: number): Promise<RunDelivery | undefined> => {
    if (run.release === undefined) {
      const lock = await tryProcessLock(join(run.folder, DELIVERY_LOCK));
      // `dualtail sync` is at it: once it is done, this goes on from there.
      if ("holder" in lock) return undefined;
      run.release = lock.release;
    }
    experimentId ??= (await openExperiment(client, experiment)).experimentId;
    const start = await readStart(run.folder);
    const parent = start.parent === undefined ? undefined : runs.get(start.parent);
    if (parent && parent.delivery === undefined) return undefined;
    const remote = await ensureRemoteRun(client, experimentId, start, await remoteParent(start));
    remoteIds.set(run.id, remote.run.info.runId);
    urls.set(run.id, client.runUrl(experimentId, remote.run.info.runId));
    onAnswer();
    const { folder } = run;
    return createRunDelivery({ client, folder, ...remote, size, onRefusal, onAnswer, onUpload });
  };

  const openRun = async (run: Delivered): Promise<void> => {
    run.delivery ??= await openDelivery(run, await run.journal.flush());
  };

  /** A slice of what is pending of a run. Returns whether there is more. */
  const deliver = async (run: Delivered): Promise<boolean> => {
    const { delivery, folder } = run;
    if (delivery === undefined) return false;
    run.pending = false;
    try {
      const size = await run.journal.flush();
      await delivery.deliver(size, SLICE);
      await delivery.mark();
      const more = delivery.position < size && !delivery.gone;
      if (more) run.pending = true;
      if (delivery.gone)
        warn(`the run ${run.id} was deleted on MLflow; it stays so, and is kept in ${folder}`);
      if (delivery.gone || (run.ended && !run.pending)) {
        runs.delete(run.id);
        await run.release?.();
      }
      return more;
    } catch (error) {
      run.pending = true;
      throw error;
    }
  };

  const failed = async (error: unknown, run: Delivered) => {
    lastError = trackingError(error);
    failures += 1;
    // One lost connection is not worth a line.
    if (!told && (failures > 1 || Date.now() - lastProgress > 5000)) {
      told = true;
      warn(
        `${(lastError as Error).message}. The work goes on; runs are kept in ${root} and sent when MLflow takes them again`,
      );
    }
    await run.delivery?.mark(describeError(lastError)).catch(() => undefined);
  };

  const pause = async (ms: number) => {
    // Nudged before it began, it does not begin.
    await sleep(ms, undefined, { ref: closing, signal: nudge.signal }).catch(() => undefined);
    if (nudge.signal.aborted) nudge = new AbortController();
  };

  const backoff = () => {
    const wait = Math.min(timing.backoff * 2 ** Math.min(failures - 1, 20), timing.maxBackoff);
    return (closing ? Math.min(wait, 1000) : wait) * (1 - Math.random() / 2);
  };

  const gather = () =>
    pause(closing ? 50 : Math.max(timing.gather, Math.min(timing.maxGather, (Date.now() - newest) / 5)));

  const isPending = () => [...runs.values()].some(({ pending }) => pending);

  /** One round over what is pending. Returns whether there is more to send at once. */
  const round = async (): Promise<boolean> => {
    const due = [...runs.values()].filter(({ pending }) => pending);
    let more = false;
    for (const run of due) await attempt(run, () => openRun(run));
    // The newest first: what is under way is seen at once, what has ended follows.
    for (const run of due.reverse()) more = (await attempt(run, () => deliver(run))) || more;
    return more;
  };

  const attempt = async <T>(run: Delivered, what: () => Promise<T>): Promise<T> => {
    if (stopped) throw new Stopped();
    try {
      return await what();
    } catch (error) {
      if (!stopped) await failed(error, run);
      throw error;
    }
  };

  const work = async () => {
    await gather();
    while (!stopped && isPending()) {
      try {
        if (!(await round()) && isPending()) await gather();
      } catch {
        // Said by `failed`.
        if (!stopped) await pause(backoff());
      }
    }
  };

  const start = () => {
    working ??= work().finally(() => {
      working = undefined;
      if (!stopped && isPending()) start();
    });
  };

  return {
    url: (id) => urls.get(id),
    get experimentId() {
      return experimentId;
    },
    opened(run) {
      const state = { ...run, pending: true, ended: false };
      const known = runs.get(run.id);
      if (known) Object.assign(known, state);
      else runs.set(run.id, state);
      newest = Date.now();
      // Gathering is not for it; a server that fails is still left in peace.
      if (failures === 0) nudge.abort();
      start();
    },
    adopt({ start: { id }, folder, size }) {
      if (runs.has(id) || stopped) return;
      const journal = { flush: () => forceToDisk(folder, size) };
      runs.set(id, { id, folder, journal, pending: true, ended: true });
      start();
    },
    appended(id) {
      const run = runs.get(id);
      if (run === undefined) return;
      run.pending = true;
      start();
    },
    ended(id) {
      const run = runs.get(id);
      if (run === undefined) return;
      run.ended = true;
      run.pending = true;
      start();
    },
    async close() {
      closing = true;
      nudge.abort();
      lastProgress = Date.now();
      const isLate = () => Date.now() - lastProgress > timing.patience + allowance;
      while (working !== undefined && !isLate()) await Promise.race([working, sleep(50)]);
      stopped = true;
      nudge.abort();
      const counts = await Promise.all(
        [...runs.values()].map(({ folder, delivery }) => eventsAfter(folder, delivery?.position ?? 0)),
      );
      const left = counts.filter((count) => count > 0);
      if (left.length > 0) {
        const events = left.reduce((sum, count) => sum + count, 0);
        const why = failures === 0 ? "" : ` (${describeError(lastError)})`;
        warn(
          `${events} events of ${left.length} run${left.length === 1 ? "" : "s"} are not on MLflow yet${why}; upload them: npx dualtail sync ${root}`,
        );
      }
      for (const run of runs.values()) await run.release?.();
    },
  };
}
