import { open } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../errors.ts";
import { JOURNAL, readJournal, type StartEvent } from "./journal.ts";

/** Forces what a process that ended has written to disk; returns its bytes. */
export async function forceToDisk(folder: string, size: number): Promise<number> {
  const handle = await open(join(folder, JOURNAL), "r+");
  await handle.sync().finally(() => handle.close());
  return size;
}

/** Undefined for a journal without one: its process ended before it had begun. */
export async function findStart(folder: string): Promise<StartEvent | undefined> {
  for await (const { event } of readJournal(join(folder, JOURNAL))) if (event.type === "start") return event;
  return undefined;
}

/** @throws FileError for a journal without one */
export async function readStart(folder: string): Promise<StartEvent> {
  const start = await findStart(folder);
  if (start === undefined)
    throw new FileError(join(folder, JOURNAL), "does not begin with the start of a run");
  return start;
}

/** Events of a journal from byte `position` on. */
export async function eventsAfter(folder: string, position: number): Promise<number> {
  let events = 0;
  for await (const _ of readJournal(join(folder, JOURNAL), { from: position })) events += 1;
  return events;
}
