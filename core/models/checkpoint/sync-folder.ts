import { open } from "node:fs/promises";

/** Forces a folder's own entries to disk: a rename in it outlives a power cut then. Windows has no such thing. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}
