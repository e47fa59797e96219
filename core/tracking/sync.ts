import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type MlflowClient, MlflowError, type Run } from "../mlflow-js-client/index.ts";
import { createRunDelivery, lastWritten } from "./delivery/deliver-run.ts";
import { DELIVERY_LOCK } from "./delivery/deliverer.ts";
import { ensureRemoteRun, findRemoteRun } from "./delivery/remote-run.ts";
import { type DiskRun, findDiskRuns } from "./disk/find-runs.ts";
import { TrackingError, tracked, trackingError } from "./errors.ts";
import { openExperiment } from "./mlflow-tracker.ts";
import { tryProcessLock, withProcessLock } from "./process-lock.ts";

export interface SyncProgress {
  readonly done: number;
  readonly total: number;
  /** Name of the run at hand; empty at the end. */
  readonly run: string;
}

export interface SyncOptions {
  /** A disk tracker's root, or a folder above it. */
  readonly root: string;
  readonly client: MlflowClient;
  readonly onProgress?: (progress: SyncProgress) => void;
  /** Which runs; default all. */
  readonly only?: (run: { readonly id: string; readonly parent?: string }) => boolean;
  /** Further tries of a run whose delivery failed in a way that may pass, beyond the client's own. Default 4. */
  readonly retries?: number;
}

export interface SyncResult {
  readonly uploaded: number;
  /** Runs the server had completely. */
  readonly unchanged: number;
  /** Runs someone deleted on the server; they stay deleted. */
  readonly deleted: number;
  /** Runs that the process which writes them is delivering by itself. */
  readonly active: number;
  /** Things the server refused for good: rejected.jsonl in the runs' folders. */
  readonly refused: number;
  /** Pages of the experiments. */
  readonly urls: readonly string[];
}

/**
 * Uploads what was kept on disk. A run is found again by its tag `dualtail.run_id` and continued where an earlier
 * delivery stopped, so that repeating it, also after an interruption, creates nothing twice.
 * @throws TrackingError, FileError
 */
export async function syncToMlflow({
  root,
  client,
  onProgress,
  only = () => true,
  retries = 4,
}: SyncOptions): Promise<SyncResult> {
  if (!(await stat(root).catch(() => undefined))?.isDirectory()) {
    throw new TrackingError(`there is no folder ${root}`, {
      hint: "name the folder that the comparison printed",
    });
  }
  // One upload at a time: two would both find a run missing and both create it.
  return withProcessLock(join(root, ".sync.lock"), async () => {
    const runs = (await findDiskRuns(root)).filter(({ start }) => only(start));
    const experiments = new Map<string, string>();
    const remoteIds = new Map<string, string>();
    const counts = { uploaded: 0, unchanged: 0, deleted: 0, active: 0, refused: 0 };
    /** The parent may be in another folder, or be delivered by its own process. */
    const parentId = async (id: string, experimentId: string): Promise<string | undefined> => {
      const info = remoteIds.has(id)
        ? undefined
        : (await tracked(findRemoteRun(client, experimentId, id)))?.info;
      return remoteIds.get(id) ?? (info?.lifecycleStage === "active" ? info.runId : undefined);
    };
    for (const [done, run] of runs.entries()) {
      onProgress?.({ done, total: runs.length, run: run.start.name });
      const name = run.start.experiment;
      const experimentId = experiments.get(name) ?? (await openExperiment(client, name)).experimentId;
      experiments.set(name, experimentId);
      const lock = await tryProcessLock(join(run.folder, DELIVERY_LOCK));
      if ("holder" in lock) {
        counts.active += 1;
        continue;
      }
      try {
        const parent = run.start.parent && (await parentId(run.start.parent, experimentId));
        const remote = await tracked(ensureRemoteRun(client, experimentId, run.start, parent));
        if (remote.run.info.lifecycleStage === "active") remoteIds.set(run.start.id, remote.run.info.runId);
        const onRefusal = () => {
          counts.refused += 1;
        };
        counts[
          await upload({ client, run, remote: remote.run, created: remote.created, retries, onRefusal })
        ] += 1;
      } finally {
        await lock.release();
      }
    }
    onProgress?.({ done: runs.length, total: runs.length, run: "" });
    return { ...counts, urls: [...experiments.values()].map((id) => client.experimentUrl(id)) };
  });
}

interface Upload {
  readonly client: MlflowClient;
  readonly run: DiskRun;
  readonly remote: Run;
  readonly created: boolean;
  readonly retries: number;
  readonly onRefusal: () => void;
}

async function upload(options: Upload): Promise<"uploaded" | "unchanged" | "deleted"> {
  const { client, run, remote, created, retries, onRefusal } = options;
  const { folder, size } = run;
  const delivery = createRunDelivery({ client, folder, run: remote, created, size, onRefusal });
  const died = run.state === "DIED";
  if (delivery.gone) return "deleted";
  if (delivery.position === size && !(died && remote.info.status === "RUNNING")) return "unchanged";
  for (let attempt = 0; ; attempt += 1) {
    try {
      await delivery.deliver(size);
      if (died && !delivery.gone) {
        await delivery.close(
          "KILLED",
          await lastWritten(folder),
          "its process ended without closing the run",
        );
      }
      break;
    } catch (error) {
      if (attempt < retries && error instanceof MlflowError && error.transient) {
        await sleep(500 * 2 ** attempt);
        continue;
      }
      throw trackingError(error);
    }
  }
  await delivery.mark();
  return delivery.gone ? "deleted" : "uploaded";
}
