import { join } from "node:path";
import type { MlflowClient, RunInfo } from "../../mlflow-js-client/index.ts";
import { digestOf } from "../disk/digest.ts";
import type { ModelEvent } from "../disk/journal.ts";
import { type ModelHooks, putLoggedModel } from "../logged-model.ts";
import { logModelArtifacts } from "../model-artifacts.ts";
import { isSuperseded } from "./superseded.ts";

export interface ModelDelivery {
  /** Bytes that were sent. */
  readonly bytes: number;
  /** What is missing on the server for good, and why. */
  readonly problem?: string;
}

/**
 * Delivers a model of a run from its journal, whole: as a model of the server's own, else among the run's artifacts.
 * @param end bytes of the journal up to the event's end
 * @throws MlflowError, to be called again later; nothing is made twice
 */
export async function deliverModel(
  client: MlflowClient,
  run: RunInfo,
  { folder, event, end }: { readonly folder: string; readonly event: ModelEvent; readonly end: number },
  hooks: ModelHooks,
): Promise<ModelDelivery> {
  const { name, summary } = event;
  const files = event.files.map(({ path }) => ({
    path,
    file: join(folder, "artifacts", name, ...path.split("/")),
  }));
  const changed = await firstChanged(event, files);
  if (changed !== undefined) {
    // Logged again since: the newer one is sent at its own event.
    const isNewer = await isSuperseded(folder, end, (later) => later.type === "model" && later.name === name);
    return isNewer ? { bytes: 0 } : { bytes: 0, problem: changed };
  }
  const bytes = event.files.reduce((sum, { size }) => sum + size, 0);
  if (await putLoggedModel(client, run, { name, files }, hooks)) return { bytes };
  await logModelArtifacts(client, run, { name, files, summary }, hooks);
  return {
    bytes,
    problem: `the server knows no models but registered ones (MLflow does since 3.0); it is the run's artifact ${name}`,
  };
}

async function firstChanged(
  event: ModelEvent,
  files: readonly { readonly file: string }[],
): Promise<string | undefined> {
  for (const [index, { file }] of files.entries()) {
    const found = await digestOf(file).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error) return `${file} cannot be read (${found.code})`;
    if (found.sha256 !== event.files[index]!.sha256)
      return `${file} is not what was logged: its checksum differs`;
  }
  return undefined;
}
