import { describeError } from "../errors.ts";
import { MlflowError } from "../mlflow-js-client/index.ts";
import { answer } from "./answer.ts";
import type { ServeContext } from "./context.ts";
import { tellOwed } from "./owed.ts";
import type { QueueEntry } from "./queue.ts";
import { type Outcome, runEntry } from "./run-entry.ts";
import { ServerEnds } from "./server-ends.ts";
import { TAGS } from "./tags.ts";

/** Runs what is in the queue: one comparison at a time, or a few whose cells are trained elsewhere. */
export interface Worker {
  /** Begins with the next one unless one runs. */
  wake(): void;
  /** Stops the comparison with this id where it runs: it leaves a checkpoint and ends KILLED. */
  stop(id: string): void;
  /** Stops what runs, which stays in the queue. */
  close(): Promise<void>;
}

/** How often a comparison is begun that ends with the process. */
const ATTEMPTS = 3;
/** Comparisons under way at once where workers train them, so that none of these waits for the last cell of one. */
const TOGETHER = 4;

export function createWorker(context: ServeContext): Worker {
  const { client, queue, reporter } = context;
  const running = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>();
  const most = context.cells ? TOGETHER : 1;
  let closing = false;

  /** The comparison's own end does not depend on whether MLflow hears of it. */
  const tell = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof MlflowError)) throw error;
      reporter.warn(describeError(error));
    }
  };

  const run = async (entry: QueueEntry, signal: AbortSignal): Promise<Outcome> => {
    // Where its end could not be noted.
    if (entry.stopping) return { state: "killed", message: `stopped; ${TAGS.action} = resume goes on` };
    if (entry.attempts >= ATTEMPTS) {
      const message = `the server ended ${entry.attempts} times while it ran, perhaps for want of memory; it is not tried again`;
      return { state: "failed", message };
    }
    await queue.change(entry.id, { state: "running", attempts: entry.attempts + 1 });
    const message = entry.attempts === 0 ? "running" : "running again after the server ended";
    await tell(() => answer(client, entry.runId, { state: "running", message }));
    return runEntry(context, entry, signal);
  };

  const perform = async (entry: QueueEntry, signal: AbortSignal) => {
    const outcome = await run(entry, signal);
    reporter.line(`${entry.runId}: ${outcome.message}`);
    // Someone's stop that came first holds.
    if (signal.reason instanceof ServerEnds && outcome.state === "killed") {
      await queue.change(entry.id, { state: "queued", attempts: entry.attempts });
      const message = "the server was stopped; this goes on when it is started again";
      return tell(() => answer(client, entry.runId, { state: "queued", message }));
    }
    const end = { finished: undefined, failed: "FAILED", killed: "KILLED" } as const;
    await queue.remove(entry.id, { ...outcome, runId: entry.runId, end: end[outcome.state] });
    await tell(() => tellOwed(context));
  };

  const work = async (next: QueueEntry, signal: AbortSignal) => {
    try {
      await perform(next, signal);
    } catch (error) {
      // The queue's file cannot be written, say: tried again with the next look at MLflow, and no attempt of its own.
      const { attempts } = next;
      await queue.change(next.id, { state: "queued", attempts }).catch(() => undefined);
      throw error;
    }
  };
  const fill = () => {
    while (!closing && running.size < most) {
      const next = queue.entries.find(({ id, state }) => state === "queued" && !running.has(id));
      if (next === undefined) return;
      const controller = new AbortController();
      const done = work(next, controller.signal).then(
        () => {
          running.delete(next.id);
          fill();
        },
        (error: unknown) => {
          running.delete(next.id);
          reporter.warn(`the queue: ${describeError(error)}`);
        },
      );
      running.set(next.id, { controller, done });
    }
  };
  return {
    wake: fill,
    stop: (id) => running.get(id)?.controller.abort(),
    async close() {
      closing = true;
      const all = [...running.values()];
      for (const { controller } of all) controller.abort(new ServerEnds());
      await Promise.all(all.map(({ done }) => done));
    },
  };
}
