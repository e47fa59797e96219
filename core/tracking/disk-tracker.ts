import { randomUUID } from "node:crypto";
import { constants, copyFile, mkdir, open as openFile, rename, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { FileError } from "../errors.ts";
import { type Digest, digestOf } from "./disk/digest.ts";
import { JOURNAL, type Journal, openJournal, type RunEvent } from "./disk/journal.ts";
import { readStart } from "./disk/look-up.ts";
import { TrackingError } from "./errors.ts";
import { currentUser } from "./mlflow-tags.ts";
import { tryProcessLock } from "./process-lock.ts";
import type { TrackedRun, Tracker } from "./tracker.ts";

export interface DiskTrackerOptions {
  /** Made when missing; may hold the runs of many experiments. */
  readonly root: string;
  readonly experiment: string;
  /** Told of what is written. */
  readonly watcher?: DiskWatcher;
}

/** A run's journal as it is being written. */
export interface OpenDiskRun {
  readonly id: string;
  readonly folder: string;
  readonly journal: Pick<Journal, "flush">;
}

export interface DiskWatcher {
  opened(run: OpenDiskRun): void;
  /** An event has been written. */
  appended(id: string): void;
  /** The run will get no more events. */
  ended(id: string): void;
}

/** Held by the process that writes a run. */
const WRITER_LOCK = "writer.lock";

/**
 * Keeps each run in a folder of its own, `<root>/<run id>/` with an append-only events.jsonl and artifacts/, for
 * `syncToMlflow` to upload. It answers nothing about earlier runs. Its methods throw FileError; resuming a run that another
 * process writes, or that is not there, TrackingError.
 */
export async function openDiskTracker({ root, experiment, watcher }: DiskTrackerOptions): Promise<Tracker> {
  await mkdir(root, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new FileError(root, `cannot be made (${cause.code})`, {
      hint: "check the path and its permissions",
      cause,
    });
  });
  const open = new Map<string, () => Promise<void>>();
  const writer = { pid: process.pid, host: hostname() };

  /** Opens the run's journal and writes its first events of this process. */
  const begin = async (
    id: string,
    name: string,
    mode: "create" | "append",
    first: readonly RunEvent[],
  ): Promise<TrackedRun> => {
    const folder = join(root, id);
    const lock = await tryProcessLock(join(folder, WRITER_LOCK));
    if ("holder" in lock) {
      throw new TrackingError(`the run "${name}" (${id}) is being written by process ${lock.holder}`, {
        hint: "wait until it ends, or stop it",
      });
    }
    let journal: Journal;
    try {
      journal = await openJournal(join(folder, JOURNAL), mode);
      for (const event of first) await journal.append(event);
    } catch (error) {
      await lock.release();
      throw error;
    }
    watcher?.opened({ id, folder, journal });
    const watched: Journal = {
      ...journal,
      async append(event, options) {
        await journal.append(event, options);
        watcher?.appended(id);
      },
      async close() {
        if (!open.delete(id)) return;
        await journal.close();
        await lock.release();
        watcher?.ended(id);
      },
    };
    open.set(id, watched.close);
    return diskRun(id, folder, watched);
  };

  return {
    description: `the folder ${root}`,
    async startRun({ name, parent, tags = {}, id: adopted }) {
      const id = adopted ?? randomUUID().replaceAll("-", "");
      const known = adopted !== undefined && (await knownAdoption(root, adopted, { name, experiment }));
      await mkdir(join(root, id, "artifacts"), { recursive: true });
      const time = Date.now();
      const start: RunEvent = {
        type: "start",
        id,
        name,
        experiment,
        parent: parent?.id,
        tags,
        time,
        user: currentUser(),
        writer,
        ...(adopted === undefined ? {} : { adopted: true }),
      };
      if (adopted === undefined) return begin(id, name, "create", [start]);
      // The server made it without these tags, and as one that waits.
      const reopened: RunEvent[] = [
        { type: "resume", time, writer },
        { type: "tags", tags },
      ];
      const mode = (await exists(join(root, id, JOURNAL))) ? "append" : "create";
      return begin(id, name, mode, known ? reopened : [start, ...reopened]);
    },
    async resumeRun(id, name) {
      if (!/^[0-9a-f]+$/.test(id) || !(await exists(join(root, id, JOURNAL)))) {
        throw new TrackingError(
          `the run "${name}" (${id}) has no journal in ${root}, so it cannot be resumed`,
          {
            hint: "resume it on the machine and in the folder it was started in, or start anew; a run of an earlier version has none",
          },
        );
      }
      return begin(id, name, "append", [{ type: "resume", time: Date.now(), writer }]);
    },
    async close() {
      for (const close of [...open.values()]) await close();
    },
  };
}

function diskRun(id: string, folder: string, journal: Journal): TrackedRun {
  /** Puts a file in place whole, then records it: a recorded artifact is always complete. */
  const putArtifact = async (path: string, write: (temporary: string) => Promise<void>) => {
    const file = join(folder, "artifacts", ...checkedPath(path));
    const temporary = join(folder, `.artifact-${randomUUID()}`);
    let digest: Digest;
    try {
      await mkdir(dirname(file), { recursive: true });
      await write(temporary);
      await toDisk(temporary);
      digest = await digestOf(temporary);
      await rename(temporary, file);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      throw new FileError(file, `cannot be written (${code ?? message})`, {
        hint:
          code === "ENOENT"
            ? "check that the file to log exists"
            : "check the folder and the free disk space",
        cause,
      });
    }
    await journal.append({ type: "artifact", path, ...digest });
  };

  return {
    id,
    logParams: (params) => journal.append({ type: "params", params }),
    async logMetrics(points) {
      if (points.length > 0) await journal.append({ type: "metrics", points }, { edge: false });
    },
    setTags: (tags) => journal.append({ type: "tags", tags }),
    async logInputs(inputs) {
      if (inputs.length > 0) await journal.append({ type: "inputs", inputs });
    },
    logArtifact: (path, content) => putArtifact(path, (temporary) => writeFile(temporary, content)),
    // Shares the blocks where the file system can.
    logArtifactFile: (path, file) =>
      putArtifact(path, (temporary) => copyFile(file, temporary, constants.COPYFILE_FICLONE)),
    async finish(status, reason) {
      await journal.append({ type: "finish", time: Date.now(), status, reason });
      await journal.close();
    },
  };
}

/**
 * Whether the adopted run has a journal already: of a process that ended just after it began.
 * @throws TrackingError for an id that is none, or that of a run of our own
 */
async function knownAdoption(
  root: string,
  id: string,
  { name, experiment }: { readonly name: string; readonly experiment: string },
): Promise<boolean> {
  if (!/^[0-9a-f]{32}$/.test(id)) throw new TrackingError(`"${id}" is no id of a run ("${name}")`);
  const file = join(root, id, JOURNAL);
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0) return false;
  const start = await readStart(join(root, id));
  if (start.adopted && start.experiment === experiment) return true;
  throw new TrackingError(`the id ${id} of the run "${name}" is that of another run in ${root}`, {
    hint: "give the run an id of its own",
  });
}

function checkedPath(path: string): string[] {
  const segments = path.split("/");
  const bad =
    segments.some((segment) => segment === "" || segment === "." || segment === "..") || /[#\\\0]/.test(path);
  if (!bad) return segments;
  throw new TrackingError(`"${path}" is no artifact path`, {
    hint: 'it must be relative, with forward slashes, without "..", "\\" and "#"',
  });
}

async function toDisk(file: string): Promise<void> {
  const handle = await openFile(file, "r+");
  await handle.sync().finally(() => handle.close());
}

const exists = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );
