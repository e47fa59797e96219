import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type MlflowClient, MlflowError, type Run } from "../mlflow-js-client/index.ts";
import { createRunDelivery, lastWritten } from "./delivery/deliver-run.ts";
import { DELIVERY_LOCK } from "./delivery/deliverer.ts";
import { isServersFault } from "./delivery/pacing.ts";
import { ensureRemoteRun, findRemoteRun } from "./delivery/remote-run.ts";
import { type DiskRun, type FoundRun, findRuns, readDiskRun } from "./disk/find-runs.ts";
import { forceToDisk } from "./disk/look-up.ts";
import { TrackingError, tracked, trackingError } from "./errors.ts";
import { openExperiment } from "./mlflow-tracker.ts";
import { type LockHolder, tryProcessLock, withProcessLock } from "./process-lock.ts";

export interface SyncProgress {
  readonly done: number;
  readonly total: number;
  /** Name of the run at hand; empty at the end. */
  readonly run: string;
}

/** A run that could not be uploaded. */
export interface SyncFailure {
  readonly folder: string;
  /** Its name; absent where the journal cannot be read. */
  readonly run?: string;
  readonly error: unknown;
}

export interface SyncOptions {
  /** A disk tracker's root, or a folder above it. */
  readonly root: string;
  readonly client: MlflowClient;
  readonly onProgress?: (progress: SyncProgress) => void;
  /** Told of each run that could not be uploaded; the others are gone on with, unless it throws. */
  readonly onFailure?: (failure: SyncFailure) => void;
  /** Called once when another process uploads from this folder, which is waited for. */
  readonly onWait?: (holder: LockHolder) => void;
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
  /** Runs that could not be uploaded. */
  readonly failed: number;
  /** Things the server refused for good: rejected.jsonl in the runs' folders. */
  readonly refused: number;
  /** Locks of runs that processes of other machines hold; none of these runs is ended here. */
  readonly elsewhere: readonly LockHolder[];
  /** Pages of the experiments. */
  readonly urls: readonly string[];
}

/** So many runs one after the other for which the server answered nothing are taken for the server's trouble. */
const ROW = 3;

/**
 * Uploads what was kept on disk. A run is found again by its tag `dualtail.run_id` and continued where an earlier
 * delivery stopped, so that repeating it, also after an interruption, creates nothing twice. A run that fails does not
 * keep the others back.
 * @throws TrackingError when the folder is missing, and when the server takes nothing, whatever the run
 */
export async function syncToMlflow({
  root,
  client,
  onProgress,
  onFailure,
  onWait,
  only = () => true,
  retries = 4,
}: SyncOptions): Promise<SyncResult> {
  if (!(await stat(root).catch(() => undefined))?.isDirectory()) {
    throw new TrackingError(`there is no folder ${root}`, {
      hint: "name the folder that the comparison printed",
    });
  }
  const counts = { uploaded: 0, unchanged: 0, deleted: 0, active: 0, failed: 0, refused: 0 };
  const elsewhere: LockHolder[] = [];
  const experiments = new Map<string, string>();
  const remoteIds = new Map<string, string>();
  let unanswered = 0;

  const fail = (failure: SyncFailure) => {
    counts.failed += 1;
    onFailure?.(failure);
  };
  /** The parent may be in another folder, or be delivered by its own process. */
  const parentId = async (id: string, experimentId: string): Promise<string | undefined> => {
    const info = remoteIds.has(id)
      ? undefined
      : (await tracked(findRemoteRun(client, experimentId, { id })))?.info;
    return remoteIds.get(id) ?? (info?.lifecycleStage === "active" ? info.runId : undefined);
  };
  const syncRun = async ({ folder, start }: FoundRun): Promise<void> => {
    const experimentId =
      experiments.get(start.experiment) ?? (await openExperiment(client, start.experiment)).experimentId;
    experiments.set(start.experiment, experimentId);
    // Only with the lock it stays as it is read: since it was found, its process may have gone on, and ended it.
    const run = await readDiskRun(folder);
    if (run === undefined) return;
    if (run.elsewhere) elsewhere.push(run.elsewhere);
    const parent = start.parent && (await parentId(start.parent, experimentId));
    const remote = await tracked(ensureRemoteRun(client, experimentId, start, parent));
    unanswered = 0;
    if (remote.run.info.lifecycleStage === "active") remoteIds.set(start.id, remote.run.info.runId);
    const onRefusal = () => {
      counts.refused += 1;
    };
    counts[await upload({ client, run, remote: remote.run, created: remote.created, retries, onRefusal })] +=
      1;
  };
  const withLock = async (run: FoundRun): Promise<void> => {
    const lock = await tryProcessLock(join(run.folder, DELIVERY_LOCK));
    if ("holder" in lock) {
      counts.active += 1;
      if (lock.holder.elsewhere === undefined) return;
      const { elsewhere: writer } = (await readDiskRun(run.folder)) ?? {};
      elsewhere.push(lock.holder, ...(writer ? [writer] : []));
      return;
    }
    await syncRun(run).finally(lock.release);
  };

  // One upload at a time: two would both find a run missing and both create it.
  return withProcessLock(
    join(root, ".sync.lock"),
    async () => {
      const found = await findRuns(root, (error) => fail({ folder: dirname(error.file), error }));
      const runs = found.filter(({ start }) => only(start));
      for (const [done, run] of runs.entries()) {
        const { folder, start } = run;
        onProgress?.({ done, total: runs.length, run: start.name });
        try {
          await withLock(run);
        } catch (error) {
          if (isServersFault(error) || (isPassing(error) && ++unanswered >= ROW)) throw error;
          fail({ folder, run: start.name, error });
        }
      }
      onProgress?.({ done: runs.length, total: runs.length, run: "" });
      return { ...counts, elsewhere, urls: [...experiments.values()].map((id) => client.experimentUrl(id)) };
    },
    { onWait },
  );
}

const isPassing = (error: unknown): boolean =>
  error instanceof TrackingError && error.cause instanceof MlflowError && error.cause.transient;

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
  const isComplete = delivery.position === size && !(died && remote.info.status === "RUNNING");
  if (delivery.gone || isComplete) {
    // An earlier delivery may have ended between the server's answer and this.
    await delivery.mark();
    return delivery.gone ? "deleted" : "unchanged";
  }
  // What the server has must not be lost here when the machine goes down.
  await forceToDisk(folder, size);
  for (let attempt = 0; ; attempt += 1) {
    try {
      await delivery.deliver(size);
      // Somebody may have gone on with it meanwhile.
      if (died && !delivery.gone && (await readDiskRun(folder))?.state === "DIED") {
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
