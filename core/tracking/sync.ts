import { stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { MlflowClient, Run } from "../mlflow-js-client/index.ts";
import { type DiskRun, findDiskRuns } from "./disk/find-runs.ts";
import type { RunEvent, Writer } from "./disk/journal.ts";
import { TrackingError, tracked } from "./errors.ts";
import { type MlflowRun, mlflowRun } from "./mlflow-run.ts";
import { MAX_TAG_VALUE, shortened, shortenedTags, sourceTags, TAGS } from "./mlflow-tags.ts";
import { openExperiment } from "./mlflow-tracker.ts";
import { isAlive, withProcessLock } from "./process-lock.ts";

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
}

export interface SyncResult {
  readonly uploaded: number;
  /** Runs the server had completely. */
  readonly unchanged: number;
  /** Runs someone deleted on the server; they stay deleted. */
  readonly deleted: number;
  /** Pages of the experiments. */
  readonly urls: readonly string[];
}

/**
 * Uploads what disk trackers kept. A run is found again by its tag `dualtail.run_id` and continued where an earlier
 * upload stopped, so that repeating it, also after an interruption, creates nothing twice.
 * @throws TrackingError, FileError
 */
export async function syncToMlflow({ root, client, onProgress }: SyncOptions): Promise<SyncResult> {
  if (!(await stat(root).catch(() => undefined))?.isDirectory()) {
    throw new TrackingError(`there is no folder ${root}`, {
      hint: "name the folder that the comparison printed",
    });
  }
  // One upload at a time: two would both find a run missing and both create it.
  return withProcessLock(join(root, ".sync.lock"), async () => {
    const runs = await findDiskRuns(root);
    const experiments = new Map<string, string>();
    const remoteIds = new Map<string, string>();
    const counts = { uploaded: 0, unchanged: 0, deleted: 0 };
    for (const [done, run] of runs.entries()) {
      onProgress?.({ done, total: runs.length, run: run.start.name });
      const name = run.start.experiment;
      const experimentId = experiments.get(name) ?? (await openExperiment(client, name)).experimentId;
      experiments.set(name, experimentId);
      const known = await findRemote(client, experimentId, run.start.id);
      if (known?.info.lifecycleStage === "deleted") {
        counts.deleted += 1;
        continue;
      }
      const parent = run.start.parent === undefined ? undefined : remoteIds.get(run.start.parent);
      const remote = known ?? (await createRemote(client, experimentId, run, parent));
      remoteIds.set(run.start.id, remote.info.runId);
      counts[await upload(client, run, remote)] += 1;
    }
    onProgress?.({ done: runs.length, total: runs.length, run: "" });
    return { ...counts, urls: [...experiments.values()].map((id) => client.experimentUrl(id)) };
  });
}

async function findRemote(client: MlflowClient, experimentId: string, id: string): Promise<Run | undefined> {
  const filter = `tags.\`${TAGS.runId}\` = '${id}'`;
  const search = client.runs.search({
    experimentIds: [experimentId],
    filter,
    viewType: "ALL",
    maxResults: 1,
  });
  return (await tracked(search)).items[0];
}

function createRemote(
  client: MlflowClient,
  experimentId: string,
  { start }: DiskRun,
  parent?: string,
): Promise<Run> {
  return tracked(
    client.runs.create({
      experimentId,
      runName: start.name,
      startTime: start.time,
      userId: start.user,
      uniqueTag: TAGS.runId,
      tags: {
        ...sourceTags(start.user),
        ...(parent ? { [TAGS.parentRunId]: parent } : {}),
        ...shortenedTags(start.tags),
        [TAGS.runId]: start.id,
      },
    }),
  );
}

/** How long the upload of a run goes on before it records how far it came, ms. */
const RECORD_EVERY = 1000;

async function upload(client: MlflowClient, run: DiskRun, remote: Run): Promise<"uploaded" | "unchanged"> {
  const { runId } = remote.info;
  const recorded = Number(remote.tags[TAGS.synced] ?? 0);
  const from = recorded <= run.size ? recorded : 0;
  const abandoned = wasAbandoned(run);
  if (from === run.size && !(abandoned && remote.info.status === "RUNNING")) return "unchanged";

  const target = mlflowRun(client, remote.info);
  const record = async (bytes: number) => {
    await target.flush();
    await tracked(client.runs.setTag(runId, TAGS.synced, String(bytes)));
  };
  let last = Date.now();
  for (const { event, end } of run.entries) {
    if (end <= from) continue;
    await replay(event, target, run.folder);
    if (Date.now() - last < RECORD_EVERY) continue;
    await record(end);
    last = Date.now();
  }
  if (abandoned) {
    const { mtimeMs } = await stat(join(run.folder, "events.jsonl"));
    await target.finishAt("KILLED", Math.round(mtimeMs), "its process ended without closing the run");
  }
  await record(run.size);
  const mark = {
    uri: client.baseUrl,
    runId,
    url: target.url,
    bytes: run.size,
    time: new Date().toISOString(),
  };
  await writeFile(join(run.folder, "synced.json"), `${JSON.stringify(mark, null, 2)}\n`);
  return "uploaded";
}

async function replay(event: RunEvent, run: MlflowRun, folder: string): Promise<void> {
  switch (event.type) {
    case "start":
      return;
    case "resume":
      return run.finishAt("RUNNING", undefined);
    case "params":
      return run.logParams(event.params);
    case "metrics":
      return run.logMetrics(event.points);
    case "tags":
      return run.setTags(event.tags);
    case "inputs":
      return run.logInputs(event.inputs);
    case "artifact":
      return run.logArtifactFile(event.path, join(folder, "artifacts", ...event.path.split("/")));
    case "finish":
      return run.finishAt(event.status, event.time, event.reason && shortened(event.reason, MAX_TAG_VALUE));
  }
}

/** Neither ended nor being written: its process died. */
function wasAbandoned({ entries }: DiskRun): boolean {
  let writer: Writer | undefined;
  for (const { event } of entries) {
    if (event.type === "start" || event.type === "resume") writer = event.writer;
    if (event.type === "finish") writer = undefined;
  }
  // Of another machine's processes nothing can be known; such a folder has been copied here and is taken as left.
  return writer !== undefined && !(writer.host === hostname() && isAlive(writer.pid));
}
