import { readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { FileError } from "../../errors.ts";
import { isAlive } from "../process-lock.ts";
import type { RunStatus } from "../tracker.ts";
import { JOURNAL, readJournal, type StartEvent, type Writer } from "./journal.ts";

/** A run kept on disk; its events stay there. */
export interface DiskRun {
  readonly folder: string;
  readonly start: StartEvent;
  /** DIED: neither ended nor being written. */
  readonly state: RunStatus | "RUNNING" | "DIED";
  readonly events: number;
  /** Bytes of whole lines. */
  readonly size: number;
}

/** Folders below `root` that are looked into: a run's folder itself up to a folder of comparisons. */
const DEPTH = 4;

/** Every run below `root`, parents before their children. @throws FileError for a broken journal */
export async function findDiskRuns(root: string): Promise<DiskRun[]> {
  const runs: DiskRun[] = [];
  for (const file of (await findJournals(root, DEPTH)).sort()) {
    const run = await scan(file);
    // A process that died while it made the folder leaves an empty journal: nothing was tracked.
    if (run) runs.push(run);
  }
  return parentsFirst(runs);
}

async function scan(file: string): Promise<DiskRun | undefined> {
  let start: StartEvent | undefined;
  let writer: Writer | undefined;
  let status: RunStatus | undefined;
  let events = 0;
  let size = 0;
  for await (const { event, end } of readJournal(file)) {
    if (event.type === "start") start ??= event;
    if (start === undefined) throw new FileError(file, "does not begin with the start of a run");
    if (event.type === "start" || event.type === "resume") {
      writer = event.writer;
      status = undefined;
    }
    if (event.type === "finish") status = event.status;
    events += 1;
    size = end;
  }
  if (start === undefined) return undefined;
  // Of another machine's processes nothing can be known; such a folder has been copied here and is taken as left.
  const alive = writer?.host === hostname() && isAlive(writer.pid);
  return { folder: dirname(file), start, state: status ?? (alive ? "RUNNING" : "DIED"), events, size };
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
