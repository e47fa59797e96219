import { join } from "node:path";
import type { MlflowClient, RunInfo } from "../../mlflow-js-client/index.ts";
import { digestOf } from "../disk/digest.ts";
import type { RunEvent } from "../disk/journal.ts";
import type { Refusals } from "./refusable.ts";
import { isSuperseded } from "./superseded.ts";

export type ArtifactEvent = Extract<RunEvent, { type: "artifact" }>;

/**
 * Delivers an artifact of a run from its journal, unless its file is no longer what was logged.
 * @param end bytes of the journal up to the event's end
 * @returns bytes that were sent
 * @throws MlflowError, to be called again later
 */
export async function deliverArtifact(
  client: MlflowClient,
  run: RunInfo,
  { folder, event, end }: { readonly folder: string; readonly event: ArtifactEvent; readonly end: number },
  refusals: Refusals,
  onUpload?: (bytes: number) => void,
): Promise<number> {
  const { path, sha256 } = event;
  const file = join(folder, "artifacts", ...path.split("/"));
  const found = await digestOf(file).catch((error: NodeJS.ErrnoException) => error);
  if (!(found instanceof Error) && (sha256 === undefined || found.sha256 === sha256)) {
    onUpload?.(found.size);
    await refusals.try("artifact", { path, sha256 }, () => client.artifacts.uploadFile(run, path, file));
    return found.size;
  }
  // Put again since: the newer one is sent at its own event.
  if (await isSuperseded(folder, end, (later) => later.type === "artifact" && later.path === path)) return 0;
  const problem =
    found instanceof Error
      ? `cannot be read (${found.code})`
      : "is not what was logged: its checksum differs";
  await refusals.leaveOut("artifact", { path, sha256 }, `${file} ${problem}`);
  return 0;
}
