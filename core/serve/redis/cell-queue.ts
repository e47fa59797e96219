import { setTimeout as sleep } from "node:timers/promises";
import { type Job, Queue } from "bullmq";
import { cellRunId } from "../../comparison/execute/cell-run-id.ts";
import { Interrupted } from "../../comparison/execute/context.ts";
import type { TrainElsewhere, TrainingOutcome } from "../../comparison/execution-types.ts";
import type { Reporter } from "../../container/reporter.ts";
import type { QueueEntry } from "../queue.ts";
import { ServerEnds } from "../server-ends.ts";
import type { RedisAddress } from "./address.ts";
import { type CellJob, cellJobId, PREFIX } from "./cell-job.ts";
import { PATIENT, reasonOf } from "./connect.ts";

/** The queue through which cells reach workers on any machines. */
export interface CellQueue {
  /** How the cells of one comparison are trained. */
  forEntry(entry: Pick<QueueEntry, "runId" | "experiment" | "experimentId" | "request">): TrainElsewhere;
  close(): Promise<void>;
}

/** Between two looks at the jobs, ms. */
const LOOK = 500;
/** What has ended is kept in Redis so long, s. */
const KEPT = 7 * 24 * 3600;
/** How long stopping waits for a Redis that is away, ms. */
const PATIENCE = 10_000;

/**
 * BullMQ's queue of that name. Jobs are looked at rather than listened to: whatever happened to Redis meanwhile, a look
 * tells what there is, and a job that was lost is added again.
 */
export function openCellQueue(
  { options, description }: RedisAddress,
  name: string,
  reporter: Pick<Reporter, "warn" | "line">,
): CellQueue {
  const queue = new Queue<CellJob>(name, {
    prefix: PREFIX,
    // A command fails while Redis is away instead of waiting for it.
    connection: { ...options, ...PATIENT, enableOfflineQueue: false, maxRetriesPerRequest: 0 },
    // Said once by whoever opened it.
    skipVersionCheck: true,
  });
  // Every command that fails says so itself.
  queue.on("error", () => {});
  let away = false;

  /** What Redis answers; undefined, told once, while it does not. */
  const asked = async <T>(work: () => Promise<T>): Promise<{ readonly answer: T } | undefined> => {
    try {
      const answer = await work();
      if (away) reporter.line(`Redis at ${description} answers again`);
      away = false;
      return { answer };
    } catch (error) {
      if (!away)
        reporter.warn(`Redis at ${description}: ${reasonOf(error)}. It is tried again; workers go on`);
      away = true;
      return undefined;
    }
  };

  const add = async (job: CellJob, jobId: string) => {
    await queue.add("cell", job, {
      jobId,
      attempts: 1,
      stackTraceLimit: 1,
      removeOnComplete: { age: KEPT },
      removeOnFail: { age: KEPT },
    });
  };

  return {
    forEntry:
      ({ runId, experiment, experimentId, request }) =>
      async (comparison, orders, signal) => {
        const jobs = new Map(
          orders.map((order) => {
            const job: CellJob = {
              version: 1,
              comparison,
              parent: runId,
              experiment,
              experimentId,
              request,
              ...order,
            };
            return [cellJobId(comparison, order.cell), job] as const;
          }),
        );
        const outcomes: TrainingOutcome[] = [];
        /** Jobs that have ended before, or were told to stop: they begin anew. */
        const fresh = new Set<string>();
        const stopped = new Set<string>();
        let lastAnswer = Date.now();

        const begin = async (id: string, job: CellJob) => {
          const old = await queue.getJob(id);
          const state = await old?.getState();
          if (old && (state === "completed" || state === "failed" || old.data.stop)) {
            // What is stopped and still under way ends first.
            if (!(await removed(old))) return;
          }
          await add(job, id);
          fresh.add(id);
        };
        const look = async (id: string, job: CellJob) => {
          // When it stops also what an earlier server began, and this one has not seen.
          if (!fresh.has(id) && !signal.aborted) return begin(id, job);
          const found = await queue.getJob(id);
          const state = (await found?.getState()) ?? "unknown";
          if (signal.aborted) return stop(id, found, state);
          const outcome = { cell: job.cell, runId: cellRunId(comparison, job.cell) };
          if (state === "completed") outcomes.push(outcome);
          else if (state === "failed") outcomes.push({ ...outcome, failed: failureOf(found) });
          // Redis has lost it.
          else if (state === "unknown") return add(job, id);
          else return;
          jobs.delete(id);
        };
        const stop = async (id: string, job: Job<CellJob> | undefined, state: string) => {
          const ended = job === undefined || state === "completed" || state === "failed";
          if (ended || (await removed(job))) {
            jobs.delete(id);
          } else if (!stopped.has(id)) {
            // Under way: its worker looks at this.
            await job.updateData({ ...job.data, stop: true });
            stopped.add(id);
          }
        };

        while (jobs.size > 0) {
          if (signal.reason instanceof ServerEnds) break;
          for (const [id, job] of [...jobs]) {
            if ((await asked(() => look(id, job))) === undefined) break;
            lastAnswer = Date.now();
          }
          if (signal.aborted && Date.now() - lastAnswer > PATIENCE) {
            reporter.warn("Redis is away, so that workers could not be told to stop");
            break;
          }
          if (jobs.size > 0)
            await sleep(LOOK, undefined, signal.aborted ? {} : { signal }).catch(() => undefined);
        }
        if (signal.aborted) throw new Interrupted();
        return outcomes;
      },
    close: async () => {
      await queue.close().catch(() => undefined);
    },
  };
}

/** Takes a job away unless a living worker has it. */
async function removed(job: Job<CellJob>): Promise<boolean> {
  try {
    await job.remove();
    return true;
  } catch (error) {
    if (error instanceof Error && /locked/.test(error.message)) return false;
    throw error;
  }
}

function failureOf(job: Job<CellJob> | undefined): string {
  const reason = job?.failedReason ?? "its worker did not say why";
  return /stalled more than/.test(reason)
    ? "the workers that trained it ended each time, perhaps for want of memory; it is not tried again"
    : reason;
}
