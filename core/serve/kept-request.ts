import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../errors.ts";
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

/** @throws FileError */
export async function keepRequest(
  outputDir: string,
  { id, runId, experimentId, experiment, requester, request }: QueueEntry,
): Promise<void> {
  const kept: KeptRequest = { id, runId, experimentId, experiment, requester, request };
  const folder = runFolderOf(outputDir, id);
  const file = join(folder, FILE);
  // Two at once, of a stop and of the comparison that begins, do not take each other's away.
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(temporary, `${JSON.stringify(kept, null, 2)}\n`, { flush: true });
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new FileError(file, `cannot be written (${(cause as NodeJS.ErrnoException).code})`, {
      hint: "check the folder and the free disk space",
      cause,
    });
  }
}

/** Undefined when no comparison of this id was begun here. @throws FileError when it cannot be read, or not be understood */
export async function keptRequest(outputDir: string, id: string): Promise<KeptRequest | undefined> {
  const file = join(runFolderOf(outputDir, id), FILE);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new FileError(file, `cannot be read (${code})`, { hint: "check its permissions", cause });
  }
  try {
    const kept = JSON.parse(text) as Partial<KeptRequest> | null;
    if (kept?.id === id && typeof kept.runId === "string" && typeof kept.request === "object")
      return kept as KeptRequest;
  } catch {
    // Told below.
  }
  throw new FileError(file, "is not a request that was kept", {
    hint: "remove it; the comparison can be asked for anew",
  });
}
