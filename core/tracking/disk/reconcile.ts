import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, digestOf } from "./digest.ts";
import type { RunEvent } from "./journal.ts";
import type { Known } from "./known.ts";

/** What a file of a run is called until it is whole. */
export const TEMPORARY = ".artifact-";

/** Artifacts are put in place before they are recorded; clocks of file systems tick in milliseconds. */
const SLACK = 1000;

/**
 * Brings what a process that was killed left of a run in order: half-written files are removed; of artifacts that it had
 * put in place and not recorded yet, the events that record them are returned, so that the journal is true of its files.
 * @param written when the journal was last written to, ms since the epoch
 */
export async function reconcile(folder: string, known: Known, written: number): Promise<RunEvent[]> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(TEMPORARY)) await rm(join(folder, name), { force: true });
  }
  const changed = async (path: string, recorded: Digest): Promise<Digest | undefined> => {
    const file = join(folder, "artifacts", ...path.split("/"));
    const found = await stat(file).catch(() => undefined);
    // What is older was recorded; what is gone was taken away by somebody, whom delivery answers.
    if (found === undefined || found.mtimeMs < written - SLACK) return undefined;
    const digest = await digestOf(file);
    return digest.sha256 === recorded.sha256 ? undefined : digest;
  };
  const events: RunEvent[] = [];
  for (const [path, recorded] of known.artifacts) {
    const digest = await changed(path, recorded);
    if (digest === undefined) continue;
    events.push({ type: "artifact", path, ...digest });
    known.artifacts.set(path, digest);
  }
  for (const { name, files, summary } of known.models.values()) {
    const now = [];
    let differs = false;
    for (const { path, ...recorded } of files) {
      const digest = await changed(`${name}/${path}`, recorded);
      differs ||= digest !== undefined;
      now.push({ path, ...(digest ?? recorded) });
    }
    if (differs) events.push({ type: "model", name, files: now, summary });
  }
  return events;
}
