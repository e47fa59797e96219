import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../errors.ts";
import type { MlflowClient } from "../../mlflow-js-client/index.ts";
import type { DiskRun } from "../disk/find-runs.ts";
import { eventsAfter, forceToDisk } from "../disk/look-up.ts";
import type { DiskWatcher } from "../disk-tracker.ts";
import { trackingError } from "../errors.ts";
import type { Delivered } from "./delivered.ts";
import { createLanes } from "./lanes.ts";
import { createDeliveryOpener } from "./open-delivery.ts";
import { createPacing, type DeliveryTiming, isServersFault, TIMING } from "./pacing.ts";
import { createTeller } from "./teller.ts";
import { createUploads } from "./uploads.ts";

export { DELIVERY_LOCK } from "./delivered.ts";

export interface DelivererOptions {
  /** Must not repeat requests by itself: how often and when is decided here. */
  readonly client: MlflowClient;
  readonly experiment: string;
  /** Folder of all journals; named to the user. */
  readonly root: string;
  readonly warn: (line: string) => void;
  readonly line: (line: string) => void;
  /** Ends the client's requests that are under way. */
  readonly cancel: () => void;
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

/** So many runs failing, one after the other, while the server does nothing for any: its trouble, not theirs. */
const ROW = 3;

/** What requests that were cancelled have to end, ms. */
const LAST_MOMENT = 1000;

/**
 * Ships journals to MLflow in the background: one request at a time, runs in the order they were opened, so that parents
 * exist before their children; where one takes long, the other runs have their turn beside it. It holds offsets and at most
 * one request of a run; the data stay on disk until they are sent. Nothing here throws into training: while the server
 * fails it waits ever longer and says so once. A run that the server does not take, or does not answer about, is tried again
 * after the others, ever more rarely; it does not hold them up.
 */
export function createDeliverer(options: DelivererOptions): Deliverer {
  const { client, experiment, root, warn, line, told, cancel } = options;
  const pacing = createPacing({ ...TIMING, ...options.timing });
  const teller = createTeller({ uri: client.baseUrl, root, warn, line, ...(told ? { told } : {}) });
  const runs = new Map<string, Delivered>();
  const uploads = createUploads<Delivered>();
  const lanes = createLanes<Delivered>(() => wake());
  /** Since the server did something it was asked: failures, whose, and how often it was left in peace for that. */
  let failures = 0;
  const failing = new Set<Delivered>();
  let pauses = 0;
  let isStuck = false;
  let lastError: unknown;
  let lastProgress = Date.now();
  let newest = Date.now();
  let closing = false;
  let stopped = false;
  let working: Promise<void> | undefined;
  let nudge = new AbortController();
  let isGathering = false;
  let isWoken = false;

  const onAnswer = () => {
    lastProgress = Date.now();
    failures = 0;
    failing.clear();
    pauses = 0;
    if (teller.works()) for (const { trouble } of runs.values()) trouble?.retryNow();
  };
  const opener = createDeliveryOpener(client, experiment, runs, (run) => ({
    onRefusal: teller.refused,
    onAnswer,
    mayUpload() {
      run.waits = !uploads.mayBegin(run);
      return !run.waits;
    },
    onUpload: (bytes) => uploads.began(run, bytes),
  }));

  const open = async (run: Delivered): Promise<boolean> => {
    run.delivery ??= await opener.open(run);
    return false;
  };

  /** A slice of what is pending of a run. Returns whether there is more to send at once. */
  const deliver = async (run: Delivered): Promise<boolean> => {
    const { delivery } = run;
    if (delivery === undefined) return false;
    run.pending = false;
    run.waits = false;
    try {
      const size = await run.journal.flush();
      await delivery.deliver(size, SLICE);
      await mark(run);
      run.trouble = undefined;
      teller.works(run);
      const more = delivery.position < size && !delivery.gone;
      if (more) run.pending = true;
      if (delivery.gone) teller.gone(run);
      if (delivery.gone || (run.ended && !run.pending)) {
        runs.delete(run.id);
        await run.release?.();
      }
      return more && !run.waits;
    } catch (error) {
      run.pending = true;
      throw error;
    }
  };

  /** Only `dualtail status` reads it: the server has its own record. */
  const mark = async (run: Delivered, error?: string) => {
    await run.delivery?.mark(error).catch((cause: unknown) => teller.unmarked(run, cause));
  };

  const failed = async (error: unknown, run: Delivered) => {
    lastError = trackingError(error);
    failures += 1;
    failing.add(run);
    run.trouble = pacing.trouble(run.trouble, lastError, run.delivery?.where ?? "", closing);
    const isServers = isServersFault(error) || failing.size >= ROW;
    isStuck ||= isServers;
    const again = isServers ? failures > 1 || Date.now() - lastProgress > 5000 : run.trouble.failures > 1;
    teller.failed(lastError, isServers ? "server" : run, again);
    await mark(run, describeError(lastError));
  };

  const pause = async (ms: number) => {
    // Nudged before it began, it does not begin.
    await sleep(ms, undefined, { ref: closing, signal: nudge.signal }).catch(() => undefined);
    if (nudge.signal.aborted) nudge = new AbortController();
  };

  const gather = async () => {
    isGathering = true;
    if (!isWoken) await pause(pacing.gather(Date.now() - newest, closing));
    isGathering = false;
    isWoken = false;
  };

  /** What a run waited for has ended. A server that fails is left in peace all the same. */
  const wake = () => {
    isWoken = true;
    if (isGathering) nudge.abort();
  };

  const isPending = () => [...runs.values()].some(({ pending }) => pending);

  /** One round over what is pending. Returns whether there is more to send at once. */
  const round = async (): Promise<boolean> => {
    const due = [...runs.values()].filter(
      (run) => run.pending && !lanes.has(run) && !run.trouble?.isWaiting(),
    );
    let more = false;
    const out = new Set<Delivered>();
    const take = async (run: Delivered, what: (run: Delivered) => Promise<boolean>) => {
      if (stopped || isStuck || out.has(run) || lanes.has(run)) return;
      await lanes.take(run, async () => {
        try {
          more = (!stopped && (await what(run))) || more;
        } catch (error) {
          out.add(run);
          if (!stopped) await failed(error, run);
        } finally {
          uploads.ended(run);
        }
      });
    };
    for (const run of due) await take(run, open);
    // The newest first: what is under way is seen at once, what has ended follows. What failed last comes last.
    const order = due.reverse().sort((a, b) => (a.trouble?.failures ?? 0) - (b.trouble?.failures ?? 0));
    for (const run of order) await take(run, deliver);
    return more;
  };

  const work = async () => {
    await gather();
    while (!stopped && (isPending() || lanes.size > 0)) {
      isStuck = false;
      const more = await round();
      if (stopped) return;
      if (isStuck) {
        pauses += 1;
        await pause(pacing.backoff(pauses, closing));
      } else if (!more) await gather();
    }
  };

  const start = () => {
    working ??= work().finally(() => {
      working = undefined;
      if (!stopped && isPending()) start();
    });
  };

  const tellLeft = async () => {
    let events = 0;
    let left = 0;
    for (const run of runs.values()) {
      const count = await eventsAfter(run.folder, run.delivery?.position ?? 0).catch((error: unknown) => {
        teller.atEnd(run, error);
        return 0;
      });
      events += count;
      left += Number(count > 0);
    }
    const troubles = [...runs.values()].flatMap(({ trouble }) => (trouble ? [trouble.error] : []));
    if (left > 0) teller.left(events, left, failures > 0 ? lastError : troubles[0]);
  };

  return {
    url: opener.url,
    get experimentId() {
      return opener.experimentId;
    },
    opened(run) {
      const state = { ...run, pending: true, ended: false, waits: false };
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
      runs.set(id, { id, folder, journal, pending: true, ended: true, waits: false });
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
      // A large file in one request is no standstill.
      const isLate = () => Date.now() > Math.max(lastProgress, uploads.until()) + pacing.patience;
      while (working !== undefined && !isLate()) await Promise.race([working, sleep(50)]);
      stopped = true;
      nudge.abort();
      // Before the locks: who delivers next must not meet with what is still under way.
      cancel();
      await within(LAST_MOMENT, lanes.idle());
      await tellLeft();
      for (const run of runs.values())
        await run.release?.().catch((error: unknown) => teller.atEnd(run, error));
    },
  };
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, sleep(ms, undefined, { signal: over.signal }).catch(() => undefined)]);
  over.abort();
}
