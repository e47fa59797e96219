import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { DualtailError, FileError } from "../../errors.ts";
import { syncFolder } from "../../models/checkpoint/sync-folder.ts";
import { writeAtomically } from "../../models/checkpoint/write-atomically.ts";
import { describeHolder, holderHint, tryProcessLock } from "../../tracking/process-lock.ts";
import { canonicalJson } from "../plan/canonical-json.ts";
import type { TrainingHistory } from "./train-cell.ts";

/** What is kept of a run so that it can be found again and not run twice. */
export interface RunRecord {
  readonly runId: string;
  readonly status: "RUNNING" | "FINISHED" | "FAILED" | "KILLED";
  readonly metrics?: Readonly<Record<string, number>>;
  /** Of the content it was started with. */
  readonly fingerprint?: string;
  /** It is a run of another comparison; `url` is its page. */
  readonly reused?: { readonly url?: string };
}

export interface FolderState {
  experiment: string;
  /** Own id of the parent run, known before the run is begun: whoever goes on after a crash finds it by that. */
  id?: string;
  /** What was asked for, as a hash: who asks for the same may go on with it. */
  identity?: string;
  /** Machine of the process that wrote last; only there can be told whether it lives. */
  host?: string;
  /** The process came to its end, and all that was tracked was delivered, or the user was told what was not. */
  closed?: boolean;
  parent?: RunRecord;
  /** By cell id; zero-shot rows by `zero-shot:<backbone>`. */
  runs: Record<string, RunRecord>;
}

/** What the summary draws of a row, beside its metrics. */
export interface RowCurves {
  /** [K] accuracy; NaN for a class without a test image. */
  readonly perClass?: ArrayLike<number>;
  readonly history?: TrainingHistory;
}

/** The folder of one comparison on disk: checkpoints, predictions and what is known of its runs. */
export interface RunFolder {
  readonly path: string;
  readonly state: Readonly<FolderState>;
  /** Folder of a cell, made when missing. */
  cell(key: string): Promise<string>;
  setParent(record: RunRecord): Promise<void>;
  setRun(id: string, record: RunRecord): Promise<void>;
  /** Keeps a row's curves for whoever goes on. */
  setCurves(id: string, curves: RowCurves): Promise<void>;
  /** Empty when none are kept. */
  curves(id: string): Promise<RowCurves>;
  /** The end of the work: closes it and lets other processes have it. */
  release(): Promise<void>;
}

export interface OpenRunFolder {
  /** The folder is one to go on with. */
  readonly resume?: boolean;
  /** The folder is this one, also where it is there. */
  readonly exact?: boolean;
  readonly identity?: string | undefined;
}

export const STATE_FILE = "state.json";
/** Held by the process that writes to the folder. */
export const LOCK_FILE = "writer.lock";

/** What makes two requests the same one. */
export const identityOf = (request: unknown): string =>
  createHash("sha256").update(canonicalJson(request)).digest("hex").slice(0, 32);

/**
 * Opens a run folder, making it when it is not one to resume. A new one whose name is taken gets another.
 * @throws FileError when a folder to resume is none; DualtailError when another process is at it
 */
export async function openRunFolder(
  wanted: string,
  experiment: string,
  { resume = false, exact = resume, identity }: OpenRunFolder = {},
): Promise<RunFolder> {
  const path = exact ? wanted : await makeFolder(wanted);
  const file = join(path, STATE_FILE);
  const lock = await tryProcessLock(join(path, LOCK_FILE));
  if ("holder" in lock) {
    throw new DualtailError(`${path}: ${describeHolder(lock.holder)} is at it`, {
      hint: holderHint(lock.holder),
    });
  }
  let state: FolderState = { experiment, id: randomUUID().replaceAll("-", ""), runs: {} };
  let saving: Promise<void> = Promise.resolve();
  const write = async () => {
    await writeAtomically(file, [Buffer.from(`${JSON.stringify(state, null, 2)}\n`)]);
    await syncFolder(path);
  };
  /** One after the other, each with what is known by then. */
  const save = (): Promise<void> => {
    const next = saving.then(write);
    saving = next.catch(() => undefined); // Who asked for it gets the error.
    return next;
  };
  try {
    if (resume) state = await readState(file);
    const { closed: _, ...open } = state;
    state = { ...open, ...(identity === undefined ? {} : { identity }), host: hostname() };
    await save();
  } catch (error) {
    await lock.release();
    throw error;
  }
  return {
    path,
    state,
    async cell(key) {
      const folder = join(path, "cells", key);
      await mkdir(folder, { recursive: true });
      return folder;
    },
    async setParent(record) {
      state.parent = record;
      await save();
    },
    async setRun(id, record) {
      state.runs[id] = record;
      await save();
    },
    async setCurves(id, { perClass, history }) {
      const kept = {
        ...(perClass ? { perClass: Array.from(perClass) } : {}),
        ...(history ? { history } : {}),
      };
      await writeAtomically(curvesFile(path, id), [Buffer.from(JSON.stringify(kept))]);
    },
    async curves(id) {
      const text = await readFile(curvesFile(path, id), "utf8").catch(() => undefined);
      if (text === undefined) return {};
      const { perClass, ...rest } = JSON.parse(text) as {
        perClass?: (number | null)[];
        history?: TrainingHistory;
      };
      return perClass ? { ...rest, perClass: perClass.map((value) => value ?? Number.NaN) } : rest;
    },
    async release() {
      state.closed = true;
      await save().finally(() => lock.release());
    },
  };
}

/** Ids of zero-shot rows are no file names. */
const curvesFile = (path: string, id: string): string => join(path, "rows", `${encodeURIComponent(id)}.json`);

/** @throws FileError */
export async function readState(file: string): Promise<FolderState> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as FolderState;
  } catch (cause) {
    throw new FileError(file, "is missing or not readable", {
      hint: "--resume takes the run folder that a comparison printed",
      cause,
    });
  }
}

/** A folder that was not there. Two comparisons of one name may begin in the same second. */
async function makeFolder(wanted: string): Promise<string> {
  await mkdir(dirname(wanted), { recursive: true });
  for (let n = 1; ; n++) {
    const path = n === 1 ? wanted : join(dirname(wanted), `${basename(wanted)}-${n}`);
    try {
      await mkdir(path);
      return path;
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === "EEXIST") continue;
      throw new FileError(path, `cannot be made (${code ?? message})`, {
        hint: "check the path and its permissions",
        cause,
      });
    }
  }
}

/** "2026-11-24T15-40-12-icons-lt-losses": sorts by time, fit for a folder name. */
export const runFolderName = (name: string, now: Date): string =>
  `${now.toISOString().slice(0, 19).replaceAll(":", "-")}-${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
