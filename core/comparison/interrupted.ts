import { readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { lockHolder } from "../tracking/process-lock.ts";
import { type FolderState, LOCK_FILE, readState, STATE_FILE } from "./execute/run-folder.ts";

/** A comparison that was stopped before its end. */
export interface InterruptedComparison {
  /** Run folder. */
  readonly folder: string;
  /** The machine it ran on, when it is another one: whether it still runs cannot be told. */
  readonly elsewhere?: string;
}

/**
 * The newest comparison of this identity, if it was interrupted: killed, stopped by Ctrl-C, or ended by a power cut. None
 * when it finished, failed, or when another process is at it.
 * @param outputDir folder of run folders; need not be there
 */
export async function findInterrupted(
  outputDir: string,
  identity: string,
): Promise<InterruptedComparison | undefined> {
  for (const folder of await runFolders(outputDir)) {
    // Others' and broken ones are none of this comparison's business.
    const state = await readState(join(folder, STATE_FILE)).catch(() => undefined);
    if (state?.identity !== identity) continue;
    if (!isInterrupted(state)) return undefined;
    const holder = await lockHolder(join(folder, LOCK_FILE));
    if (holder) return holder.elsewhere ? { folder, elsewhere: holder.elsewhere } : undefined;
    if (state.host !== hostname()) return { folder, elsewhere: state.host ?? "another machine" };
    return { folder };
  }
  return undefined;
}

/** Newest first. */
async function runFolders(outputDir: string): Promise<string[]> {
  const children = await readdir(outputDir, { withFileTypes: true }).catch(() => []);
  const names = children.filter((child) => child.isDirectory()).map(({ name }) => name);
  return names
    .sort(byNumbers.compare)
    .reverse()
    .map((name) => join(outputDir, name));
}

/** Names begin with their time; of those of one second the later ones end in -2, -3, … */
const byNumbers = new Intl.Collator("en", { numeric: true });

function isInterrupted({ parent, closed = false }: FolderState): boolean {
  return !closed || parent === undefined || parent.status === "RUNNING" || parent.status === "KILLED";
}
