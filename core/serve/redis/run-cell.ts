import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { cellRunId } from "../../comparison/execute/cell-run-id.ts";
import { Interrupted } from "../../comparison/execute/context.ts";
import type { MlflowClient, TransportOptions } from "../../mlflow-js-client/index.ts";
import { readMark } from "../../tracking/delivery/mark.ts";
import { JOURNAL } from "../../tracking/disk/journal.ts";
import { openDurableTracker } from "../../tracking/index.ts";
import { currentUser } from "../../tracking/mlflow-tags.ts";
import { tryProcessLock } from "../../tracking/process-lock.ts";
import { checkMemory } from "../check-memory.ts";
import type { ServeContext } from "../context.ts";
import { RefusedError } from "../errors.ts";
import { parseRequest } from "../requests.ts";
import { resolveRequest } from "../resolve-request.ts";
import { TAGS } from "../tags.ts";
import { watchedUntilFinished } from "../watched-tracking.ts";
import type { CellJob } from "./cell-job.ts";
import {
  artifactOf,
  claimRun,
  createFence,
  existingRun,
  type Fence,
  settle,
  TakenOver,
  withoutKnown,
} from "./claim.ts";
import { deliverRest } from "./deliver-rest.ts";

export interface CellContext
  extends Pick<
    ServeContext,
    "client" | "config" | "registry" | "baseDir" | "reporter" | "outputDir" | "cacheDir"
  > {
  /** Makes a client of the same server with these settings. */
  readonly connect: (options: TransportOptions) => MlflowClient;
  /** ms between two checkpoints that are sent. */
  readonly checkpointEvery: number;
}

/** Folder of what workers are at; each attempt has a folder of its own, which lasts as long as it. */
const scratch = (outputDir: string): string => join(outputDir, "workers");
const LOCK = "process.lock";

/**
 * Trains the cell of a job as a nested run of its comparison; resolves when MLflow has all of it.
 * @param lost aborted when the cell was given to another worker: nothing more is written
 * @throws DualtailError saying why it failed or was stopped, TakenOver, MlflowError before anything was begun
 */
export async function runCell(
  context: CellContext,
  job: CellJob,
  { signal, lost }: { readonly signal: AbortSignal; readonly lost: AbortController },
): Promise<void> {
  const { client, config, registry, baseDir, reporter, outputDir, cacheDir, connect } = context;
  const { comparison, parent, experiment, experimentId, cell } = job;
  if (!config.experiments.includes(experiment)) {
    throw new RefusedError("this worker's file does not name the job's experiment");
  }
  // The same checks as for a request: Redis is no authority on what may be opened.
  const request = parseRequest(JSON.stringify(job.request));
  const prepared = resolveRequest(request, { server: config, registry, baseDir, experiment });
  const { info, tags: parentTags } = await client.runs.get(parent);
  const named = await client.experiments.get(experimentId);
  if (
    info.experimentId !== experimentId ||
    named.name !== experiment ||
    parentTags[TAGS.runId] !== comparison
  ) {
    throw new RefusedError("the job's comparison is not that run");
  }
  const id = cellRunId(comparison, cell);
  // Its worker ended between the run's end and the job's.
  if ((await existingRun(client, experimentId, id))?.info.status === "FINISHED") return;
  await checkMemory(prepared, cacheDir);

  const folder = join(scratch(outputDir), `${id}-${randomBytes(4).toString("hex")}`);
  const journals = join(folder, "runs");
  await mkdir(journals, { recursive: true });
  const lock = await tryProcessLock(join(folder, LOCK));
  const both = AbortSignal.any([signal, lost.signal]);
  let fence: Fence | undefined;
  lost.signal.addEventListener("abort", () => fence?.shut(), { once: true });
  const guarded = (options: TransportOptions): MlflowClient =>
    connect({
      ...options,
      fetch: async (input, init) => {
        await fence?.pass();
        return (options.fetch ?? fetch)(input, init);
      },
    });
  const tracker = await openDurableTracker({
    connect: guarded,
    experiment,
    root: journals,
    warn: (line) => reporter.warn(line),
    line: (line) => reporter.line(line),
  });
  try {
    const { executeCell } = await import("../../comparison/execute-cell.ts");
    try {
      await executeCell({
        ...prepared,
        baseDir,
        reporter,
        signal: both,
        cacheDir,
        order: job,
        folder: join(folder, "cell"),
        checkpointEvery: context.checkpointEvery,
        openRun: async (name, tags) => {
          if (both.aborted) throw new Interrupted();
          const holder = `${hostname()}/${process.pid}/${randomBytes(8).toString("hex")}`;
          const claim = { id, name, experimentId, parent, user: currentUser(), tags, holder };
          const { earlier, run } = await claimRun(client, claim);
          fence = createFence(client, run.info.runId, holder, () => lost.abort());
          if (earlier) {
            reporter.line(`${name}: goes on with ${client.runUrl(experimentId, run.info.runId)}`);
            await settle(earlier, both);
          }
          const opened = watchedUntilFinished(await tracker.startRun({ name, id, tags: {} }));
          return {
            run: earlier ? await withoutKnown(client, earlier, opened) : opened,
            artifact: (path) => artifactOf(client, run, path),
            progress: async () => ({
              written: (await stat(join(journals, id, JOURNAL))).size,
              delivered: (await readMark(join(journals, id)))?.bytes ?? 0,
            }),
          };
        },
      });
    } finally {
      await tracker.close();
      await deliverRest(guarded, journals, { reporter, signal, lost: lost.signal });
    }
    if (lost.signal.aborted) throw new Interrupted();
  } catch (error) {
    if (lost.signal.aborted) throw new TakenOver("another worker has taken the cell over");
    throw error;
  } finally {
    if ("release" in lock) await lock.release();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what dead workers left of their cells: it is on MLflow as far as anyone will go on with it. */
export async function removeLeftOver(outputDir: string): Promise<void> {
  for (const name of await readdir(scratch(outputDir)).catch(() => [])) {
    const folder = join(scratch(outputDir), name);
    const lock = await tryProcessLock(join(folder, LOCK));
    if ("holder" in lock) continue;
    await rm(folder, { recursive: true, force: true });
  }
}
