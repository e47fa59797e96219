import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { MODEL_NAME } from "../../comparison/execute/log-model.ts";
import { readState, STATE_FILE } from "../../comparison/execute/run-folder.ts";
import { DualtailError } from "../../errors.ts";
import { hasErrorCode, type MlflowClient, type Run } from "../../mlflow-js-client/index.ts";
import { isRunId } from "../../report/index.ts";
import { tracked } from "../../tracking/errors.ts";
import { TAGS } from "../../tracking/mlflow-tags.ts";
import { openModel } from "../commands/export.ts";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";

/** A finished cell: its run on the server, and how its MLflow model gets into a folder. */
export interface Source {
  readonly run: Run;
  write(folder: string): Promise<void>;
}

/**
 * What a user names: the id of a run that has logged its model, or a cell's folder.
 * @throws UsageError, FileError, TrackingError
 */
export async function findSource(
  host: Host,
  client: MlflowClient,
  what: string,
  flags: { readonly quiet?: boolean },
): Promise<Source> {
  if (!isRunId(what)) return ofCell(host, client, what, flags);
  const run = await runOnServer(client, what);
  if (run === undefined) {
    throw new UsageError(`there is no run ${what} on MLflow at ${client.baseUrl}`, {
      hint: "name a run's id as MLflow's interface shows it, or a cell's folder",
    });
  }
  return { run: finished(run), write: (folder) => download(client, run, folder) };
}

async function ofCell(
  host: Host,
  client: MlflowClient,
  what: string,
  flags: { readonly quiet?: boolean },
): Promise<Source> {
  const { locateModel, writeMlflowModel } = await import("../../exchange/index.ts");
  // Opened first: it explains what a folder that holds no model should be.
  const model = await openModel(host, what, flags);
  const place = await locateModel(path.resolve(host.cwd, what));
  const cell = place.kind === "trained" ? path.dirname(place.modelFile) : undefined;
  const cells = cell && path.dirname(cell);
  if (cell === undefined || cells === undefined || path.basename(cells) !== "cells") {
    throw new UsageError(`${what} is no folder in a run folder's cells/, so that its run is not known`, {
      hint: "name the cell's folder where the comparison has left it",
    });
  }
  const state = await readState(path.join(path.dirname(cells), STATE_FILE));
  const id = path.basename(cell).split("_").at(-1)!;
  const known = state.runs[id];
  if (known === undefined) throw new UsageError(`${cell}: its comparison knows no run of it`);
  const run =
    (await runOnServer(client, known.runId)) ?? (await syncedRun(client, state.experiment, known.runId));
  if (run === undefined) {
    throw new UsageError(`its run ${known.runId} is not on MLflow at ${client.baseUrl}`, {
      hint: "name its server with --tracking-uri, or upload what was kept on disk: npx dualtail sync <folder>",
    });
  }
  return {
    run: finished(run),
    write: async (folder) => {
      await writeMlflowModel(model, folder);
    },
  };
}

function finished(run: Run): Run {
  const { runName, runId, status } = run.info;
  if (status === "FINISHED") return run;
  throw new UsageError(`the run "${runName}" (${runId}) is ${status}, not FINISHED`, {
    hint: "finish it first: dualtail compare --resume",
  });
}

async function runOnServer(client: MlflowClient, runId: string): Promise<Run | undefined> {
  try {
    return await client.runs.get(runId);
  } catch (error) {
    // An id that was made on disk need not have the form of MLflow's.
    const unknown =
      hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST") || hasErrorCode(error, "INVALID_PARAMETER_VALUE");
    if (unknown) return undefined;
    return tracked(Promise.reject(error));
  }
}

/** A run that was kept on disk and uploaded later has an id of its own on the server. */
async function syncedRun(client: MlflowClient, name: string, runId: string): Promise<Run | undefined> {
  const experiment = await tracked(client.experiments.getByName(name));
  if (experiment === undefined) return undefined;
  const { items } = await tracked(
    client.runs.search({
      experimentIds: [experiment.experimentId],
      filter: `tags.\`${TAGS.runId}\` = '${runId}'`,
      maxResults: 1,
    }),
  );
  return items[0];
}

async function download(client: MlflowClient, { info }: Run, folder: string): Promise<void> {
  const files: string[] = [];
  const walk = async (at: string): Promise<void> => {
    for (const { path: found, isDir } of await tracked(client.artifacts.list(info.runId, at))) {
      if (isDir) await walk(found);
      else files.push(found);
    }
  };
  await walk(MODEL_NAME);
  if (!files.includes(`${MODEL_NAME}/MLmodel`)) {
    throw new DualtailError(`the run "${info.runName}" (${info.runId}) has not logged its model`, {
      hint: "name the cell's folder on the machine that ran it, or compare with models: { log: all }",
    });
  }
  for (const file of files) {
    const target = path.join(folder, path.relative(MODEL_NAME, file));
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, await tracked(client.artifacts.download(info, file)));
  }
}
