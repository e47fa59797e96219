import { writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError } from "../../errors.ts";
import type { DatasetInput, MetricPoint, RunStatus } from "../tracker.ts";
import { createOrder } from "./in-order.ts";
import { syncFolder } from "./sync-folder.ts";

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
      /** The server had the run first. */
      readonly adopted?: boolean;
      /** The server's id of it, where whoever began it knew that. */
      readonly serverId?: string;
    }
  | { readonly type: "resume"; readonly time: number; readonly writer: Writer }
  | { readonly type: "params"; readonly params: Readonly<Record<string, string | number | boolean>> }
  | { readonly type: "metrics"; readonly points: readonly MetricPoint[] }
  | { readonly type: "tags"; readonly tags: Readonly<Record<string, string>> }
  | { readonly type: "inputs"; readonly inputs: readonly DatasetInput[] }
  /** `sha256` (hex) and `size` (bytes) of the file as it was put. */
  | { readonly type: "artifact"; readonly path: string; readonly sha256?: string; readonly size?: number }
  /** Its files are among the artifacts, in the folder `name`. */
  | {
      readonly type: "model";
      readonly name: string;
      readonly files: readonly { readonly path: string; readonly sha256: string; readonly size: number }[];
      readonly summary: Readonly<Record<string, unknown>>;
    }
  | { readonly type: "finish"; readonly time: number; readonly status: RunStatus; readonly reason?: string };

export type StartEvent = Extract<RunEvent, { type: "start" }>;
export type ModelEvent = Extract<RunEvent, { type: "model" }>;

export const JOURNAL = "events.jsonl";

export interface Journal {
  /**
   * Written when this resolves, so that it outlives the process; an `edge` is on the disk, so that it outlives the machine.
   * @throws FileError, also where the disk failed since the last call, with nothing written then
   */
  append(event: RunEvent, options?: { readonly edge?: boolean }): Promise<void>;
  /**
   * The same for what is no edge, before it returns, where nothing is in the way. False: nothing was written, and `append`
   * is to be asked, which waits or knows why. For each step's metrics: promises would take longer than the write.
   */
  appendNow(event: RunEvent): boolean;
  /** Forces what is written to disk. Returns its bytes: only those may be shown to others. Also after `close`. */
  flush(): Promise<number>;
  close(): Promise<void>;
}

/** Metric lines are forced to disk at least this often, ms. */
const SYNC_EVERY = 2000;

/**
 * Opens a journal for appending, making it when missing.
 * @param whole bytes of whole lines: what a crash left after them is cut off
 * @throws FileError
 */
export async function openJournal(file: string, whole: number): Promise<Journal> {
  const handle = await guard(file, open(file, "a+"));
  try {
    await guard(file, handle.truncate(whole));
    await guard(file, syncFolder(dirname(file)));
  } catch (error) {
    await handle.close().catch(() => undefined); // The first reason is the one to tell.
    throw error;
  }
  let size = whole;
  let synced = whole;
  let torn = false;
  const order = createOrder();
  let lastSync = 0;
  let closed = false;
  /** Why lines that were written may not be on the disk: the system says so once, to who asks first. */
  let unsaid: unknown;
  /** Runs beside the writes, so that no metric waits for the disk. */
  const sync = async () => {
    const end = size;
    lastSync = Date.now();
    await handle.sync();
    synced = Math.max(synced, end);
  };
  const syncSometimes = () => {
    if (Date.now() - lastSync < SYNC_EVERY) return;
    void guard(file, sync()).catch((error: unknown) => {
      unsaid = error;
    });
  };
  const throwUnsaid = () => {
    if (unsaid === undefined) return;
    const error = unsaid;
    unsaid = undefined;
    throw error;
  };
  /** Into the kernel's memory: handing it to another thread and back takes longer, and waits its turn there. */
  const writeNow = (event: RunEvent) => {
    const line = `${encode(event)}\n`;
    torn = true;
    size += writeText(handle.fd, line);
    torn = false;
  };
  const write = async (event: RunEvent) => {
    if (torn) await handle.truncate(size);
    try {
      writeNow(event);
    } catch (error) {
      // Half a line (a full disk) must not stand before a whole one.
      await handle.truncate(size).then(
        () => {
          torn = false;
        },
        () => undefined, // Once more before the next line.
      );
      throw error;
    }
  };
  return {
    append: (event, { edge = true } = {}) =>
      order.run(async () => {
        throwUnsaid();
        await guard(file, write(event));
        if (edge) await guard(file, sync());
        else syncSometimes();
      }),
    appendNow(event) {
      if (closed || torn || unsaid !== undefined || !order.isIdle) return false;
      try {
        writeNow(event);
      } catch {
        // Torn now: `append` begins with the end of the last whole line, and says what it meets with.
        return false;
      }
      syncSometimes();
      return true;
    },
    async flush() {
      throwUnsaid();
      const end = size;
      if (synced < end) await guard(file, sync());
      return end;
    },
    close: () =>
      order.run(async () => {
        if (closed) return;
        closed = true;
        try {
          await guard(file, sync());
          throwUnsaid();
        } finally {
          await handle.close();
        }
      }),
  };
}

export interface JournalEntry {
  readonly event: RunEvent;
  /** Bytes of the journal up to and including this line. */
  readonly end: number;
}

/** Bytes of a journal that are in memory at a time, unless one line is longer. */
const CHUNK = 256 * 1024;

/**
 * The whole lines of a journal from the line that begins at byte `from`, up to byte `to`; a torn last line is left out.
 * Reads as it is asked to, so that a journal of any length takes little memory. @throws FileError for a broken one
 */
export async function* readJournal(
  file: string,
  { from = 0, to = Number.POSITIVE_INFINITY }: { readonly from?: number; readonly to?: number } = {},
): AsyncGenerator<JournalEntry> {
  const handle = await open(file, "r");
  const decoder = new TextDecoder();
  let position = from;
  let length = CHUNK;
  let lines = 0;
  try {
    while (position < to) {
      const buffer = Buffer.alloc(Math.min(length, to - position));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      const bytes = buffer.subarray(0, bytesRead);
      let start = 0;
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
        lines += 1;
        const at = from === 0 ? `line ${lines}` : `line ${lines} after byte ${from}`;
        yield {
          event: parseLine(file, at, decoder.decode(bytes.subarray(start, end))),
          end: position + end + 1,
        };
        start = end + 1;
      }
      if (start === 0 && bytesRead < length) return;
      // A line longer than what was read: once more with twice the room.
      length = start === 0 ? length * 2 : CHUNK;
      position += start;
    }
  } finally {
    await handle.close();
  }
}

function parseLine(file: string, at: string, line: string): RunEvent {
  try {
    return (line.includes(MARKED) ? JSON.parse(line, decodeNumber) : JSON.parse(line)) as RunEvent;
  } catch (cause) {
    throw new FileError(file, `${at} is not JSON`, {
      hint: "restore the file from a backup, or remove its folder to give the run up",
      cause,
    });
  }
}

/** Returns its bytes. */
function writeText(fd: number, text: string): number {
  const length = Buffer.byteLength(text);
  let at = writeSync(fd, text);
  // Taken in part: the rest, until it is taken or the reason is known.
  for (const bytes = at < length ? Buffer.from(text) : undefined; bytes && at < length; )
    at += writeSync(fd, bytes, at);
  return length;
}

const MARKED = '{"number":';

/** JSON makes NaN and Infinity `null`: only where there is one, each value is looked at. */
function encode(event: RunEvent): string {
  const text = JSON.stringify(event);
  return text.includes("null") ? JSON.stringify(event, encodeNumber) : text;
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
