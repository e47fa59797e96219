import { type FileHandle, open } from "node:fs/promises";
import { FileError } from "../../errors.ts";
import type { DatasetInput, MetricPoint, RunStatus } from "../tracker.ts";

/** Who writes: tells a run in progress from one whose process died. */
export interface Writer {
  readonly pid: number;
  readonly host: string;
}

/** One line of a run's events.jsonl. `time` is in ms since the epoch. */
export type RunEvent =
  | {
      readonly type: "start";
      readonly time: number;
      readonly id: string;
      readonly name: string;
      readonly experiment: string;
      readonly parent?: string;
      readonly user: string;
      readonly tags: Readonly<Record<string, string>>;
      readonly writer: Writer;
    }
  | { readonly type: "resume"; readonly time: number; readonly writer: Writer }
  | { readonly type: "params"; readonly params: Readonly<Record<string, string | number | boolean>> }
  | { readonly type: "metrics"; readonly points: readonly MetricPoint[] }
  | { readonly type: "tags"; readonly tags: Readonly<Record<string, string>> }
  | { readonly type: "inputs"; readonly inputs: readonly DatasetInput[] }
  | { readonly type: "artifact"; readonly path: string }
  | { readonly type: "finish"; readonly time: number; readonly status: RunStatus; readonly reason?: string };

export type StartEvent = Extract<RunEvent, { type: "start" }>;

export const JOURNAL = "events.jsonl";

export interface Journal {
  /** Written when this resolves, so that it outlives the process; an `edge` is on the disk, so that it outlives the machine. */
  append(event: RunEvent, options?: { readonly edge?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** Metric lines are forced to disk at least this often, ms. */
const SYNC_EVERY = 2000;

/** Opens a journal for appending; what a crash left of a last line is cut off. @throws FileError */
export async function openJournal(file: string, mode: "create" | "append"): Promise<Journal> {
  const handle = await guard(file, open(file, mode === "create" ? "ax+" : "a+"));
  if (mode === "append") await guard(file, cutTornLine(handle));
  let queue: Promise<unknown> = Promise.resolve();
  let lastSync = 0;
  let closed = false;
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const next = queue.then(work);
    queue = next.catch(() => undefined); // The caller gets the error; the next write shall not.
    return next;
  };
  return {
    append: (event, { edge = true } = {}) =>
      inOrder(() =>
        guard(
          file,
          (async () => {
            await handle.appendFile(`${JSON.stringify(event, encodeNumber)}\n`);
            if (!edge && Date.now() - lastSync < SYNC_EVERY) return;
            await handle.sync();
            lastSync = Date.now();
          })(),
        ),
      ),
    close: () =>
      inOrder(async () => {
        if (closed) return;
        closed = true;
        await guard(file, handle.sync());
        await handle.close();
      }),
  };
}

export interface JournalEntry {
  readonly event: RunEvent;
  /** Bytes of the journal up to and including this line. */
  readonly end: number;
}

/** The whole lines of a journal; a torn last line is left out. @throws FileError for a broken one */
export function parseJournal(file: string, bytes: Uint8Array): JournalEntry[] {
  const entries: JournalEntry[] = [];
  const decoder = new TextDecoder();
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    const line = decoder.decode(bytes.subarray(start, end));
    try {
      entries.push({ event: JSON.parse(line, decodeNumber) as RunEvent, end: end + 1 });
    } catch (cause) {
      throw new FileError(file, `line ${entries.length + 1} is not JSON`, {
        hint: "restore the file from a backup, or remove its folder to give the run up",
        cause,
      });
    }
    start = end + 1;
  }
  return entries;
}

/** JSON has no NaN and no Infinity; `value` is the only number here that may be one. */
function encodeNumber(key: string, value: unknown): unknown {
  return key === "value" && typeof value === "number" && !Number.isFinite(value)
    ? { number: String(value) }
    : value;
}

function decodeNumber(key: string, value: unknown): unknown {
  if (key !== "value" || typeof value !== "object" || value === null || !("number" in value)) return value;
  return Number((value as { number: string }).number);
}

async function cutTornLine(handle: FileHandle): Promise<void> {
  const bytes = await handle.readFile();
  const whole = bytes.lastIndexOf(10) + 1;
  if (whole < bytes.length) await handle.truncate(whole);
}

async function guard<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const hint =
      code === "ENOSPC" ? "free some disk space" : "check that the folder exists and can be written to";
    throw new FileError(file, `cannot be written (${code ?? message})`, { hint, cause });
  }
}
