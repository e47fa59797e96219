import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DualtailError, describeError } from "../errors.ts";
import { launchPage } from "../launch-page/index.ts";
import { openExperiment } from "../tracking/mlflow-tracker.ts";
import { describeHolder, holderHint, tryProcessLock } from "../tracking/process-lock.ts";
import { createLook } from "./attend.ts";
import type { ServeContext } from "./context.ts";
import { endStopped } from "./end-stopped.ts";
import { callsOf } from "./http/calls.ts";
import { type Form, type FormServer, startFormServer } from "./http/form-server.ts";
import { openLaunchpad, pageData, refreshForm } from "./launchpad.ts";
import { deliverLeftOver } from "./left-over.ts";
import { tellOwed } from "./owed.ts";
import { openQueue } from "./queue.ts";
import type { RedisAddress } from "./redis/address.ts";
import { queueName } from "./redis/cell-job.ts";
import type { CellQueue } from "./redis/cell-queue.ts";
import { completeHalfMade } from "./watch.ts";
import { createWorker } from "./worker.ts";

export interface ServeOptions extends Omit<ServeContext, "queue" | "cells"> {
  /** Folder of the queue; one server at a time uses it. */
  readonly folder: string;
  /** Port of this machine at which the form is served, 0 for any; absent: none is opened. */
  readonly http?: number;
  /** Cells are trained by the workers that take them from there; absent: in this process. */
  readonly redis?: RedisAddress;
  /** A line that whoever starts the server has to see. */
  readonly announce: (line: string) => void;
  /** Aborted: what runs leaves a checkpoint and stays in the queue. */
  readonly signal: AbortSignal;
}

/**
 * Watches experiments until `signal` is aborted: requests become comparisons, which run one at a time.
 * @throws DualtailError when it cannot begin; later what fails is told, and tried again
 */
export async function serve({
  folder,
  signal,
  http,
  announce,
  redis,
  ...services
}: ServeOptions): Promise<void> {
  const { client, config, reporter } = services;
  const lock = await tryProcessLock(join(folder, "serve.lock"));
  if ("holder" in lock) {
    throw new DualtailError(`${describeHolder(lock.holder)} serves from ${folder} already`, {
      hint: holderHint(lock.holder),
    });
  }
  const pads = new Map<string, string>();
  let forms: FormServer | undefined;
  let cells: CellQueue | undefined;
  let delivering: Promise<void> | undefined;
  try {
    const queue = await openQueue(join(folder, "queue.json"));
    const experiments = await Promise.all(config.experiments.map((name) => openExperiment(client, name)));
    if (redis) {
      const { checkRedis, openCellQueue } = await import("./redis/index.ts");
      await checkRedis(redis, (line) => reporter.warn(line));
      const name = queueName(experiments);
      cells = openCellQueue(redis, name, reporter);
      reporter.line(`cells go to ${redis.description}, queue ${name}`);
    }
    const context: ServeContext = { ...services, queue, ...(cells ? { cells } : {}) };
    const names = new Map<string, string>();
    for (const { experimentId, name } of experiments) {
      names.set(experimentId, name);
      pads.set(await openLaunchpad(context, { experimentId, name }), name);
      reporter.line(`watching "${name}": ${client.experimentUrl(experimentId)}`);
    }
    if (http !== undefined) {
      forms = await startForms(context, names, http);
      for (const [experimentId, name] of names) announce(`form of "${name}": ${forms.url(experimentId)}`);
    }
    const worker = createWorker(context);
    await endStopped(context);
    await completeHalfMade(client, [...names.keys()]);
    /** Beside the looks: what an outage left may be gigabytes. */
    const deliver = () => {
      delivering ??= deliverLeftOver(context)
        .catch((error: unknown) => reporter.warn(describeError(error)))
        .finally(() => {
          delivering = undefined;
        });
    };
    deliver();
    worker.wake();

    const look = createLook(context, {
      worker,
      experiments: names,
      pads: [...pads.keys()],
      signal,
    });
    const round = async () => {
      await tellOwed(context);
      const more = await look();
      worker.wake();
      await refresh();
      return more;
    };

    let unfinished = new Set<string>();
    /** After a comparison: the form in MLflow says by then what its trainings took. */
    const refresh = async () => {
      const now = new Set(queue.entries.map(({ id }) => id));
      const hasEnded = [...unfinished].some((id) => !now.has(id));
      unfinished = now;
      if (!hasEnded) return;
      for (const [runId, name] of pads) {
        await refreshForm(context, runId, name).catch((error: unknown) =>
          reporter.warn(`${name}: ${describeError(error)}`),
        );
      }
    };

    let failures = 0;
    while (!signal.aborted) {
      let more = false;
      try {
        more = await round();
        if (failures > 0) deliver();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) reporter.warn(`${describeError(error)}. It is tried again`);
      }
      // With no pause in between; each look begins with the actions.
      if (more) continue;
      const wait = config.interval * 1000 * Math.min(2 ** failures, 16);
      await sleep(failures === 0 ? config.interval * 1000 : wait, undefined, { signal }).catch(
        () => undefined,
      );
    }
    await worker.close();
  } finally {
    await delivering;
    await forms?.close();
    await cells?.close();
    for (const [runId, name] of pads) {
      const close = client.runs.update(runId, { status: "FINISHED", endTime: Date.now() });
      await close.catch((error: unknown) => reporter.warn(`${name}: ${describeError(error)}`));
    }
    await lock.release();
  }
}

/** @throws DualtailError when the port is taken, FileError when the form has not been built */
async function startForms(
  context: ServeContext,
  experiments: ReadonlyMap<string, string>,
  port: number,
): Promise<FormServer> {
  const { client } = context;
  const forms = [...experiments].map(([experimentId, name]): Form => {
    const page = async () =>
      launchPage({
        ...(await pageData(context, { experimentId, name })),
        mlflowUrl: client.baseUrl,
      });
    return { experimentId, page, calls: callsOf(client, experimentId) };
  });
  // Whether it can be made is known now, not when someone opens it.
  for (const { page } of forms) await page();
  return startFormServer(forms, port);
}
