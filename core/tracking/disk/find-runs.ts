import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError } from "../../errors.ts";
import { JOURNAL, type JournalEntry, parseJournal, type StartEvent } from "./journal.ts";

/** A run kept on disk. */
export interface DiskRun {
  readonly folder: string;
  readonly start: StartEvent;
  readonly entries: readonly JournalEntry[];
  /** Bytes of whole lines. */
  readonly size: number;
}

/** Folders below `root` that are looked into: a run's folder itself up to a folder of comparisons. */
const DEPTH = 4;

/** Every run below `root`, parents before their children. @throws FileError for a broken journal */
export async function findDiskRuns(root: string): Promise<DiskRun[]> {
  const runs: DiskRun[] = [];
  for (const file of (await findJournals(root, DEPTH)).sort()) {
    const entries = parseJournal(file, await readFile(file));
    const first = entries[0]?.event;
    // A process that died while it made the folder leaves an empty journal: nothing was tracked.
    if (first === undefined) continue;
    if (first.type !== "start") throw new FileError(file, "does not begin with the start of a run");
    runs.push({ folder: dirname(file), start: first, entries, size: entries.at(-1)!.end });
  }
  return parentsFirst(runs);
}

async function findJournals(folder: string, depth: number): Promise<string[]> {
  const children = await readdir(folder, { withFileTypes: true });
  if (children.some((child) => child.isFile() && child.name === JOURNAL)) return [join(folder, JOURNAL)];
  if (depth === 0) return [];
  const folders = children.filter((child) => child.isDirectory() && child.name !== "node_modules");
  return (await Promise.all(folders.map(({ name }) => findJournals(join(folder, name), depth - 1)))).flat();
}

function parentsFirst(runs: readonly DiskRun[]): DiskRun[] {
  const byId = new Map(runs.map((run) => [run.start.id, run]));
  const ordered = new Set<DiskRun>();
  const visit = (run: DiskRun) => {
    const parent = run.start.parent === undefined ? undefined : byId.get(run.start.parent);
    if (parent && !ordered.has(parent)) visit(parent);
    ordered.add(run);
  };
  for (const run of [...runs].sort((a, b) => a.start.time - b.start.time)) visit(run);
  return [...ordered];
}
