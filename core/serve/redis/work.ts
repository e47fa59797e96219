import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { DelayedError, type Job, Queue, UnrecoverableError, WaitingError, Worker } from "bullmq";
import { describeError } from "../../errors.ts";
import { MlflowError } from "../../mlflow-js-client/index.ts";
import { openExperiment } from "../../tracking/mlflow-tracker.ts";
import { oneLine } from "../tags.ts";
import type { RedisAddress } from "./address.ts";
import { type CellJob, checkCellJob, PREFIX, queueName } from "./cell-job.ts";
import { TakenOver } from "./claim.ts";
import { checkRedis, PATIENT, reasonOf } from "./connect.ts";
import { type CellContext, removeLeftOver, runCell } from "./run-cell.ts";

export interface WorkOptions extends CellContext {
  readonly redis: RedisAddress;
  /** ms without a sign of life after which a worker's cell is given to another. */
  readonly lock: number;
  /** Aborted: the cell at hand leaves a checkpoint and goes back into the queue. */
  readonly signal: AbortSignal;
}

/** How often a cell is given to another worker because its own fell silent. */
const STALLED = 5;
/** Between two looks at whether the cell at hand is to stop, ms. */
const LOOK = 1000;
/** Wait before a cell is tried again that could not begin, MLflow being away, ms. */
const AGAIN = 5000;

/** Takes cells from the queue, one at a time, until `signal` is aborted. @throws DualtailError when it cannot begin */
export async function work({ redis, lock, signal, ...context }: WorkOptions): Promise<void> {
  const { client, config, reporter, outputDir } = context;
  await checkRedis(redis, (line) => reporter.warn(line));
  await removeLeftOver(outputDir);
  const experiments = await Promise.all(config.experiments.map((name) => openExperiment(client, name)));
  const name = queueName(experiments);
  const connection = { ...redis.options, ...PATIENT };
  // Fails while Redis is away instead of waiting for it.
  const looking = { ...connection, enableOfflineQueue: false, maxRetriesPerRequest: 0 };
  const queue = new Queue<CellJob>(name, { prefix: PREFIX, connection: looking, skipVersionCheck: true });
  queue.on("error", () => {});
  let current: { readonly id: string; readonly lost: AbortController } | undefined;

  const perform = async (job: Job<CellJob>, token: string | undefined): Promise<void> => {
    const lost = new AbortController();
    const stop = new AbortController();
    const over = new AbortController();
    current = { id: job.id!, lost };
    const data = check(job);
    if (data.stop) throw new UnrecoverableError("stopped");
    reporter.line(`${data.label}: begins`);
    const watching = watchForStop(queue, job.id!, stop, over.signal);
    const ends = AbortSignal.any([signal, stop.signal]);
    try {
      await runCell(context, data, { signal: ends, lost });
      reporter.line(`${data.label}: finished`);
    } catch (error) {
      if (error instanceof TakenOver) reporter.warn(`${data.label}: ${error.message}`);
      else if (signal.aborted && !stop.signal.aborted) {
        // Another worker goes on with it.
        await job.moveToWait(token);
        reporter.line(`${data.label}: given back (${describeError(error)})`);
        throw new WaitingError();
      } else if (error instanceof MlflowError && error.transient) {
        reporter.warn(`${data.label}: ${describeError(error)}. It is tried again`);
        await job.moveToDelayed(Date.now() + AGAIN, token);
        throw new DelayedError();
      } else reporter.warn(`${data.label}: ${describeError(error)}`);
      throw new UnrecoverableError(oneLine(describeError(error)));
    } finally {
      current = undefined;
      over.abort();
      await watching;
    }
  };

  const worker = new Worker<CellJob>(name, perform, {
    prefix: PREFIX,
    connection: { ...connection, maxRetriesPerRequest: null },
    skipVersionCheck: true,
    concurrency: 1,
    lockDuration: lock,
    // A step of training blocks the event loop, so that renewing may be late.
    lockRenewTime: lock / 4,
    stalledInterval: lock / 2,
    maxStalledCount: STALLED,
    runRetryDelay: 2000,
  });
  worker.on("lockRenewalFailed", (ids) => {
    if (current && ids.includes(current.id)) current.lost.abort();
  });
  let told: string | undefined;
  worker.on("error", (error) => {
    const reason = reasonOf(error);
    if (reason !== told) reporter.warn(`Redis at ${redis.description}: ${reason}`);
    told = reason;
  });
  worker.on("active", () => {
    told = undefined;
  });
  try {
    reporter.line(`waiting for cells in ${redis.description}, queue ${name}`);
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    await worker.close();
    await queue.close().catch(() => undefined);
  }
}

/** @throws UnrecoverableError */
function check(job: Job<CellJob>): CellJob {
  try {
    return checkCellJob(job.data, job.id);
  } catch (error) {
    throw new UnrecoverableError(oneLine(describeError(error)));
  }
}

/** Aborts `stop` when the job's data say so, until `over`. */
async function watchForStop(
  queue: Queue<CellJob>,
  id: string,
  stop: AbortController,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted && !stop.signal.aborted) {
    await sleep(LOOK, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return;
    // While Redis is away nobody can be asked to stop.
    const job = await queue.getJob(id).catch(() => undefined);
    if (job?.data.stop) stop.abort();
  }
}
