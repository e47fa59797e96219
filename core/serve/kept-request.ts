import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { QueueEntry } from "./queue.ts";

/** What is kept of a comparison beside its checkpoints, so that it can be resumed or run again at any time. */
export type KeptRequest = Pick<
  QueueEntry,
  "id" | "runId" | "experimentId" | "experiment" | "requester" | "request"
>;

const FILE = "request.json";

export const runFolderName = (id: string): string => `request-${id}`;

/** Run folder of the comparison with this id, which is 32 hex digits. */
export const runFolderOf = (outputDir: string, id: string): string => join(outputDir, runFolderName(id));

export async function keepRequest(
  outputDir: string,
  { id, runId, experimentId, experiment, requester, request }: QueueEntry,
): Promise<void> {
  const kept: KeptRequest = { id, runId, experimentId, experiment, requester, request };
  const folder = runFolderOf(outputDir, id);
  await mkdir(folder, { recursive: true });
  const file = join(folder, FILE);
  await writeFile(`${file}.tmp`, `${JSON.stringify(kept, null, 2)}\n`);
  await rename(`${file}.tmp`, file);
}

/** Undefined when no comparison of this id was begun here. */
export async function keptRequest(outputDir: string, id: string): Promise<KeptRequest | undefined> {
  try {
    return JSON.parse(await readFile(join(runFolderOf(outputDir, id), FILE), "utf8")) as KeptRequest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
