import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError } from "../../errors.ts";
import { WRITER_LOCK } from "../disk-tracker.ts";
import { type LockHolder, lockHolder } from "../process-lock.ts";
import type { RunStatus } from "../tracker.ts";
import { JOURNAL, readJournal, type StartEvent } from "./journal.ts";

/** A run kept on disk; its events stay there. */
export interface DiskRun extends FoundRun {
  /** DIED: neither ended nor being written. */
  readonly state: RunStatus | "RUNNING" | "DIED";
  /** A process of another machine that writes it, or wrote it when that machine went down. */
  readonly elsewhere?: LockHolder;
  readonly events: number;
  /** Bytes of whole lines. */
  readonly size: number;
}

export interface FoundRun {
  readonly folder: string;
  readonly start: StartEvent;
}

/** Told of a journal or a folder that cannot be read; the others are gone on with. */
export type OnBroken = (problem: FileError) => void;

/** Folders below `root` that are looked into: a run's folder itself up to a folder of comparisons. */
const DEPTH = 4;

/** Every run below `root`, parents before their children. @throws FileError for a broken journal, without `onBroken` */
export async function findDiskRuns(root: string, onBroken: OnBroken = raise): Promise<DiskRun[]> {
  const runs: DiskRun[] = [];
  for (const { folder } of await findRuns(root, onBroken)) {
    const run = await guarded(join(folder, JOURNAL), onBroken, readDiskRun(folder));
    if (run) runs.push(run);
  }
  return runs;
}

/** As `findDiskRuns`, but reads no more of the journals than their beginnings. */
export async function findRuns(root: string, onBroken: OnBroken = raise): Promise<FoundRun[]> {
  const runs: FoundRun[] = [];
  for (const file of (await findJournals(root, DEPTH, onBroken)).sort()) {
    const start = await guarded(file, onBroken, readBeginning(file));
    // A process that died while it made the folder leaves an empty journal: nothing was tracked.
    if (start) runs.push({ folder: dirname(file), start });
  }
  return parentsFirst(runs);
}

/** A run as it is now; undefined while nothing is in its journal. @throws FileError for a broken one */
export async function readDiskRun(folder: string): Promise<DiskRun | undefined> {
  const lock = join(folder, WRITER_LOCK);
  for (;;) {
    const before = await lockHolder(lock);
    const read = await readWhole(join(folder, JOURNAL));
    if (read === undefined) return undefined;
    const { status, ...run } = read;
    if (status !== undefined) return { folder, ...run, state: status };
    const writer = await lockHolder(lock);
    if (writer) {
      return { folder, ...run, state: "RUNNING", ...(writer.elsewhere ? { elsewhere: writer } : {}) };
    }
    // Else its writer has ended it since.
    if (before === undefined) return { folder, ...run, state: "DIED" };
  }
}

async function readWhole(file: string) {
  let start: StartEvent | undefined;
  let status: RunStatus | undefined;
  let events = 0;
  let size = 0;
  for await (const { event, end } of readJournal(file)) {
    start ??= asStart(file, event);
    if (event.type === "start" || event.type === "resume") status = undefined;
    if (event.type === "finish") status = event.status;
    events += 1;
    size = end;
  }
  return start && { start, status, events, size };
}

async function readBeginning(file: string): Promise<StartEvent | undefined> {
  for await (const { event } of readJournal(file)) return asStart(file, event);
  return undefined;
}

function asStart(file: string, event: { readonly type: string }): StartEvent {
  if (event?.type === "start") return event as StartEvent;
  throw new FileError(file, "does not begin with the start of a run", {
    hint: "restore the file from a backup, or remove its folder to give the run up",
  });
}

async function findJournals(folder: string, depth: number, onBroken: OnBroken): Promise<string[]> {
  const children =
    (await guarded<Dirent[]>(folder, onBroken, readdir(folder, { withFileTypes: true }))) ?? [];
  if (children.some((child) => child.isFile() && child.name === JOURNAL)) return [join(folder, JOURNAL)];
  if (depth === 0) return [];
  const folders = children.filter((child) => child.isDirectory() && child.name !== "node_modules");
  return (
    await Promise.all(folders.map(({ name }) => findJournals(join(folder, name), depth - 1, onBroken)))
  ).flat();
}

/** What cannot be read is told, and left out. */
export async function guarded<T>(file: string, onBroken: OnBroken, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // Removed since it was found.
    if (code === "ENOENT") return undefined;
    const hint = "check its permissions, or remove it to give the run up";
    onBroken(
      cause instanceof FileError
        ? cause
        : new FileError(file, `cannot be read (${code ?? message})`, { hint, cause }),
    );
    return undefined;
  }
}

export function raise(problem: FileError): never {
  throw problem;
}

function parentsFirst(runs: readonly FoundRun[]): FoundRun[] {
  const byId = new Map(runs.map((run) => [run.start.id, run]));
  const ordered = new Set<FoundRun>();
  const visit = (run: FoundRun) => {
    const parent = run.start.parent === undefined ? undefined : byId.get(run.start.parent);
    if (parent && !ordered.has(parent)) visit(parent);
    ordered.add(run);
  };
  for (const run of [...runs].sort((a, b) => a.start.time - b.start.time)) visit(run);
  return [...ordered];
}
