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
import { createPacing, type DeliveryTiming, isServersFault, TIMING, type Trouble } from "./pacing.ts";
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
  /** The user was told that the server does not answer. */
  readonly told?: boolean;
  readonly timing?: Partial<DeliveryTiming>;
}

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

/** So many runs failing one after the other are taken for the server's trouble. */
const ROW = 3;

/** A server that comes and goes is not worth a line each time, ms. */
const TELL_EVERY = 60_000;

class Stopped extends Error {}

/** A round that is not worth going on with: it is told and waited for. */
class Stuck extends Error {}

/** Held by the process that delivers a run. */
export const DELIVERY_LOCK = "delivery.lock";

interface Delivered extends OpenDiskRun {
  pending: boolean;
  ended: boolean;
  delivery?: RunDelivery;
  release?: () => Promise<void>;
  trouble?: Trouble;
}

/**
 * Ships journals to MLflow in the background: one request at a time, runs in the order they were opened, so that parents
 * exist before their children. It holds offsets; the data stay on disk until they are sent. Nothing here throws into
 * training: while the server fails it waits ever longer and says so once. A run that the server does not take is tried
 * again after the others, ever more rarely; it does not hold them up.
 */
export function createDeliverer(options: DelivererOptions): Deliverer {
  const { client, experiment, root, warn, line } = options;
  const pacing = createPacing({ ...TIMING, ...options.timing });
  const runs = new Map<string, Delivered>();
  const urls = new Map<string, string>();
  const remoteIds = new Map<string, string>();
  const refused = new Set<Refusable>();
  let experimentId: string | undefined;
  let answers = 0;
  let failures = 0;
  /** Who got on not, the last time the user was told so. */
  let toldAt = 0;
  let told: "server" | Delivered | undefined = options.told ? "server" : undefined;
  let lastError: unknown;
  let allowance = 0;
  let lastProgress = Date.now();
  let closing = false;
  let stopped = false;
  let working: Promise<void> | undefined;
  let nudge = new AbortController();
  let newest = Date.now();
  let markFails = false;

  const onAnswer = () => {
    answers += 1;
    lastProgress = Date.now();
    allowance = 0;
    failures = 0;
    if (told === "server") recovered();
  };

  const recovered = () => {
    line(`MLflow at ${client.baseUrl} takes data again; what was kept is being sent`);
    told = undefined;
    for (const { trouble } of runs.values()) trouble?.retryNow();
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

  const openRun = async (run: Delivered): Promise<boolean> => {
    run.delivery ??= await openDelivery(run, await run.journal.flush());
    return false;
  };

  /** A slice of what is pending of a run. Returns whether there is more. */
  const deliver = async (run: Delivered): Promise<boolean> => {
    const { delivery, folder } = run;
    if (delivery === undefined) return false;
    run.pending = false;
    try {
      const size = await run.journal.flush();
      await delivery.deliver(size, SLICE);
      await mark(run);
      const more = delivery.position < size && !delivery.gone;
      run.trouble = undefined;
      if (told === run) recovered();
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

  /** Only `dualtail status` reads it: the server has its own record. */
  const mark = async ({ delivery, folder }: Delivered, error?: string) => {
    await delivery?.mark(error).catch((cause: unknown) => {
      if (!markFails) warn(`how far ${folder} is delivered cannot be noted there: ${describeError(cause)}`);
      markFails = true;
    });
  };

  const failed = async (error: unknown, run: Delivered) => {
    lastError = trackingError(error);
    failures += 1;
    run.trouble = pacing.trouble(run.trouble, lastError, run.delivery?.position ?? 0);
    const servers = isServersFault(error);
    const again = servers ? failures > 1 || Date.now() - lastProgress > 5000 : run.trouble.failures > 1;
    // One lost connection is not worth a line.
    if (told === undefined && again && Date.now() - toldAt > TELL_EVERY) {
      toldAt = Date.now();
      told = servers ? "server" : run;
      warn(
        `${(lastError as Error).message}. The work goes on; runs are kept in ${root} and sent when MLflow takes them again`,
      );
    }
    await mark(run, describeError(lastError));
  };

  const pause = async (ms: number) => {
    // Nudged before it began, it does not begin.
    await sleep(ms, undefined, { ref: closing, signal: nudge.signal }).catch(() => undefined);
    if (nudge.signal.aborted) nudge = new AbortController();
  };

  const gather = () => pause(pacing.gather(Date.now() - newest, closing));

  const isPending = () => [...runs.values()].some(({ pending }) => pending);

  /**
   * One round over what is pending. Returns whether there is more to send at once.
   * @throws Stuck when it is for the server to get well first
   */
  const round = async (): Promise<boolean> => {
    const due = [...runs.values()].filter(({ pending, trouble }) => pending && !trouble?.isWaiting());
    const out = new Set<Delivered>();
    const before = answers;
    let seen = answers;
    let row = 0;
    const attempt = async (run: Delivered, what: () => Promise<boolean>): Promise<boolean> => {
      if (stopped) throw new Stopped();
      if (out.has(run)) return false;
      try {
        return await what();
      } catch (error) {
        if (stopped) throw new Stopped();
        out.add(run);
        row = answers === seen ? row + 1 : 1;
        seen = answers;
        await failed(error, run);
        if (row >= ROW || isServersFault(error)) throw new Stuck();
        return false;
      }
    };
    let more = false;
    for (const run of due) await attempt(run, () => openRun(run));
    // The newest first: what is under way is seen at once, what has ended follows. What failed last comes last.
    const order = due.reverse().sort((a, b) => (a.trouble?.failures ?? 0) - (b.trouble?.failures ?? 0));
    for (const run of order) more = (await attempt(run, () => deliver(run))) || more;
    if (answers === before && out.size > 0) throw new Stuck();
    return more;
  };

  const work = async () => {
    await gather();
    while (!stopped && isPending()) {
      try {
        if (!(await round()) && isPending()) await gather();
      } catch (error) {
        if (error instanceof Stopped) return;
        if (!(error instanceof Stuck)) throw error;
        // Said by `failed`.
        if (!stopped) await pause(pacing.backoff(failures, closing));
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
      for (const { trouble } of runs.values()) trouble?.retryNow();
      nudge.abort();
      lastProgress = Date.now();
      const isLate = () => Date.now() - lastProgress > pacing.patience + allowance;
      while (working !== undefined && !isLate()) await Promise.race([working, sleep(50)]);
      stopped = true;
      nudge.abort();
      const counts = await Promise.all(
        [...runs.values()].map(({ folder, delivery }) => eventsAfter(folder, delivery?.position ?? 0)),
      );
      const left = counts.filter((count) => count > 0);
      if (left.length > 0) {
        const events = left.reduce((sum, count) => sum + count, 0);
        const error =
          failures > 0 ? lastError : [...runs.values()].find(({ trouble }) => trouble)?.trouble?.error;
        const why = error === undefined ? "" : ` (${describeError(error)})`;
        warn(
          `${events} events of ${left.length} run${left.length === 1 ? "" : "s"} are not on MLflow yet${why}; upload them: npx dualtail sync ${root}`,
        );
      }
      for (const run of runs.values()) await run.release?.();
    },
  };
}
