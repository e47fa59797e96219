import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Forces a folder's own entries to disk: what was made or renamed in it outlives a power cut then. Windows has no such thing. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

/** Makes a folder that outlives a power cut, with those above it that are missing. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  const last = dirname(resolve(first));
  for (let at = resolve(folder); at !== last; at = dirname(at)) await syncFolder(dirname(at));
}
