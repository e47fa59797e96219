import { createHash, randomUUID } from "node:crypto";
import { access, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { downloadFile, type ListFileEntry } from "@huggingface/hub";
import pRetry, { AbortError } from "p-retry";
import { FileError } from "../../errors.ts";

export interface HubRequest {
  readonly repo: string;
  readonly revision: string;
  readonly hubUrl: string;
  readonly accessToken?: string;
}

/** The hash that git or git-lfs knows a file by, which is also its name in the cache. */
export const hashOf = ({ lfs, oid }: ListFileEntry): string => lfs?.oid ?? oid ?? "";

/**
 * Fetches one file into `target`, checked against its hash; it appears there whole or not at all. Tried again on
 * network failures and busy servers.
 * @throws FileError when what arrives is not what the hub announced; what the hub client throws
 */
export async function downloadBlob(
  request: HubRequest,
  entry: ListFileEntry,
  target: string,
  onBytes: (done: number) => void,
): Promise<void> {
  if (await exists(target)) return;
  await mkdir(dirname(target), { recursive: true });
  await pRetry(() => attempt(request, entry, target, onBytes), {
    retries: 3,
    minTimeout: 500,
    shouldRetry: ({ error }) => isPassing(error),
  });
}

/** Whether trying again may help: no answer, a broken connection, or a server that is busy. */
export function isPassing(error: unknown): boolean {
  const status = (error as { statusCode?: unknown }).statusCode;
  if (typeof status === "number") return status === 408 || status === 429 || status >= 500;
  return !(error instanceof FileError) && !(error instanceof AbortError);
}

async function attempt(
  request: HubRequest,
  entry: ListFileEntry,
  target: string,
  onBytes: (done: number) => void,
): Promise<void> {
  const { repo, ...rest } = request;
  const blob = await downloadFile({ repo: { type: "model", name: repo }, path: entry.path, ...rest });
  if (blob === null)
    throw new FileError(`${repo}/${entry.path}`, "is listed by the hub, but cannot be fetched");
  const size = entry.lfs?.size ?? entry.size;
  const hash = entry.lfs ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
  const incomplete = `${target}.${randomUUID()}.incomplete`;
  try {
    const handle = await open(incomplete, "wx");
    let done = 0;
    try {
      for await (const chunk of blob.stream()) {
        hash.update(chunk);
        await handle.writeFile(chunk);
        done += chunk.length;
        onBytes(done);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (done !== size || hash.digest("hex") !== hashOf(entry)) {
      throw new FileError(
        `${repo}/${entry.path}`,
        `arrived damaged: ${done} of ${size} bytes, or of another content`,
        {
          hint: "try again; if it stays so, fetch the file by hand",
        },
      );
    }
    await rename(incomplete, target);
  } catch (error) {
    await rm(incomplete, { force: true });
    throw error;
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
