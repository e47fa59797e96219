import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../errors.ts";

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

interface FolderState {
  experiment: string;
  parent?: RunRecord;
  /** By cell id; zero-shot rows by `zero-shot:<backbone>`. */
  runs: Record<string, RunRecord>;
}

/** The folder of one comparison on disk: checkpoints, predictions and what is known of its runs. */
export interface RunFolder {
  readonly path: string;
  readonly state: Readonly<FolderState>;
  /** Folder of a cell, made when missing. */
  cell(key: string): Promise<string>;
  setParent(record: RunRecord): Promise<void>;
  setRun(id: string, record: RunRecord): Promise<void>;
}

/** Opens a run folder, making it when missing. @throws FileError when a folder to resume is none */
export async function openRunFolder(
  path: string,
  experiment: string,
  { resume = false } = {},
): Promise<RunFolder> {
  const file = join(path, "state.json");
  let state: FolderState = { experiment, runs: {} };
  if (resume) {
    try {
      state = JSON.parse(await readFile(file, "utf8")) as FolderState;
    } catch (cause) {
      throw new FileError(file, "is missing or not readable", {
        hint: "--resume takes the run folder that a comparison printed",
        cause,
      });
    }
  }
  await mkdir(path, { recursive: true });
  const save = async () => {
    await writeFile(`${file}.tmp`, `${JSON.stringify(state, null, 2)}\n`);
    await rename(`${file}.tmp`, file);
  };
  if (!resume) await save();
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
  };
}

/** "2026-11-24T15-40-12-icons-lt-losses": sorts by time, fit for a folder name. */
export const runFolderName = (name: string, now: Date): string =>
  `${now.toISOString().slice(0, 19).replaceAll(":", "-")}-${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
