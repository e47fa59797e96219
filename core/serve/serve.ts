import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DualtailError, describeError } from "../errors.ts";
import { launchPage } from "../launch-page/index.ts";
import { MlflowError, type Run } from "../mlflow-js-client/index.ts";
import { openExperiment } from "../tracking/mlflow-tracker.ts";
import { tryProcessLock } from "../tracking/process-lock.ts";
import { act } from "./actions.ts";
import type { ServeContext } from "./context.ts";
import { callsOf } from "./http/calls.ts";
import { type Form, type FormServer, startFormServer } from "./http/form-server.ts";
import { openLaunchpad, pageData } from "./launchpad.ts";
import { deliverLeftOver } from "./left-over.ts";
import { tellOwed } from "./owed.ts";
import { openQueue } from "./queue.ts";
import { TAGS } from "./tags.ts";
import { takeLaunch } from "./take-launch.ts";
import { takeRequest } from "./take-request.ts";
import { watchedRuns } from "./watch.ts";
import { createWorker } from "./worker.ts";

export interface ServeOptions extends Omit<ServeContext, "queue"> {
  /** Folder of the queue; one server at a time uses it. */
  readonly folder: string;
  /** Port of this machine at which the form is served, 0 for any; absent: none is opened. */
  readonly http?: number;
  /** A line that whoever starts the server has to see. */
  readonly announce: (line: string) => void;
  /** Aborted: what runs leaves a checkpoint and stays in the queue. */
  readonly signal: AbortSignal;
}

/** Requests taken in one round; the others wait for the next. */
const REQUESTS_PER_ROUND = 20;

/**
 * Watches experiments until `signal` is aborted: requests become comparisons, which run one at a time.
 * @throws DualtailError when it cannot begin; later what fails is told, and tried again
 */
export async function serve({ folder, signal, http, announce, ...services }: ServeOptions): Promise<void> {
  const { client, config, reporter } = services;
  const lock = await tryProcessLock(join(folder, "serve.lock"));
  if ("holder" in lock) {
    throw new DualtailError(`process ${lock.holder} serves from ${folder} already`, {
      hint: "stop it first",
    });
  }
  const pads = new Map<string, string>();
  let forms: FormServer | undefined;
  try {
    const context: ServeContext = { ...services, queue: await openQueue(join(folder, "queue.json")) };
    const names = new Map<string, string>();
    for (const name of config.experiments) {
      const { experimentId } = await openExperiment(client, name);
      names.set(experimentId, name);
      pads.set(await openLaunchpad(context, { experimentId, name }), name);
      reporter.line(`watching "${name}": ${client.experimentUrl(experimentId)}`);
    }
    if (http !== undefined) {
      forms = await startForms(context, names, http);
      for (const [experimentId, name] of names) announce(`form of "${name}": ${forms.url(experimentId)}`);
    }
    const worker = createWorker(context);
    const deliver = () =>
      deliverLeftOver(context).catch((error: unknown) => reporter.warn(describeError(error)));
    await deliver();
    worker.wake();

    const attend = async (run: Run, watched: ReadonlyMap<string, Run>, take: () => boolean) => {
      const { info, tags } = run;
      const experiment = names.get(info.experimentId)!;
      if (tags[TAGS.action] !== undefined) await act(context, worker, run, watched);
      else if (pads.has(info.runId)) {
        if (tags[TAGS.launch] !== undefined) await takeLaunch(context, run, experiment);
      } else if (tags[TAGS.kind] === "request" && info.status === "SCHEDULED" && take()) {
        await takeRequest(context, run, experiment);
      }
    };
    const round = async () => {
      await tellOwed(context);
      const runs = await watchedRuns(client, [...names.keys()]);
      const watched = new Map(runs.map((run) => [run.info.runId, run]));
      let taken = 0;
      const take = () => taken++ < REQUESTS_PER_ROUND;
      for (const run of [...runs].sort((a, b) => a.info.startTime - b.info.startTime)) {
        try {
          await attend(run, watched, take);
        } catch (error) {
          if (error instanceof MlflowError && error.transient) throw error;
          // What one run asks for is none of the others' business.
          reporter.warn(`run ${run.info.runId}: ${describeError(error)}`);
        }
        worker.wake();
      }
      worker.wake();
    };

    let failures = 0;
    while (!signal.aborted) {
      try {
        await round();
        if (failures > 0) await deliver();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) reporter.warn(`${describeError(error)}. It is tried again`);
      }
      const wait = config.interval * 1000 * Math.min(2 ** failures, 16);
      await sleep(failures === 0 ? config.interval * 1000 : wait, undefined, { signal }).catch(
        () => undefined,
      );
    }
    await worker.close();
  } finally {
    await forms?.close();
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
  const forms = [...experiments].map(async ([experimentId, name]): Promise<Form> => {
    const data = { ...pageData(context, { experimentId, name }), mlflowUrl: client.baseUrl };
    return { experimentId, page: await launchPage(data), calls: callsOf(client, experimentId) };
  });
  return startFormServer(await Promise.all(forms), port);
}
