import { randomUUID } from "node:crypto";
import { access, constants, copyFile, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { FileError } from "../errors.ts";
import type { Digest } from "./disk/digest.ts";
import { JOURNAL, type Journal, openJournal, type RunEvent } from "./disk/journal.ts";
import { type Known, readKnown } from "./disk/known.ts";
import { findStart } from "./disk/look-up.ts";
import { patientJournal } from "./disk/patient-journal.ts";
import { putFiles, type Write } from "./disk/put-files.ts";
import { reconcile } from "./disk/reconcile.ts";
import { makeFolder } from "./disk/sync-folder.ts";
import { TrackingError } from "./errors.ts";
import { currentUser } from "./mlflow-tags.ts";
import { describeHolder, holderHint, tryProcessLock } from "./process-lock.ts";
import type { TrackedRun, Tracker } from "./tracker.ts";

export interface DiskTrackerOptions {
  /** Made when missing; may hold the runs of many experiments. */
  readonly root: string;
  readonly experiment: string;
  /** Told of what is written. */
  readonly watcher?: DiskWatcher;
  /** A line the user should read. */
  readonly warn?: (line: string) => void;
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
export const WRITER_LOCK = "writer.lock";

/**
 * Keeps each run in a folder of its own, `<root>/<run id>/` with an append-only events.jsonl and artifacts/, for
 * `syncToMlflow` to upload. It answers nothing about earlier runs. Its methods throw FileError; resuming a run that another
 * process writes, or that is not there, TrackingError.
 */
export async function openDiskTracker(options: DiskTrackerOptions): Promise<Tracker> {
  const { root, experiment, watcher, warn = () => {} } = options;
  await writable(root, makeFolder(root));
  const open = new Map<string, () => Promise<void>>();
  const writer = { pid: process.pid, host: hostname() };

  /** Opens the run's journal, making it when missing, and writes its first events of this process. */
  const begin = async (id: string, name: string, first: readonly RunEvent[]): Promise<TrackedRun> => {
    const folder = join(root, id);
    const file = join(folder, JOURNAL);
    const lock = await writable(folder, tryProcessLock(join(folder, WRITER_LOCK)));
    if ("holder" in lock) {
      throw new TrackingError(
        `the run "${name}" (${id}) is being written by ${describeHolder(lock.holder)}`,
        {
          hint: holderHint(lock.holder),
        },
      );
    }
    let journal: Journal | undefined;
    let known: Known | undefined;
    try {
      const found = await stat(file).catch(() => undefined);
      known = found && (await readKnown(file));
      const left = known ? await reconcile(folder, known, found!.mtimeMs) : [];
      journal = patientJournal(await openJournal(file, known?.size ?? 0), { file, warn });
      for (const event of [...left, ...first]) await journal.append(event);
    } catch (error) {
      // The first reason is the one to tell.
      await journal?.close().catch(() => undefined);
      await lock.release();
      throw error;
    }
    watcher?.opened({ id, folder, journal });
    const watched: Journal = {
      ...journal,
      appendNow(event) {
        const written = journal.appendNow(event);
        if (written) watcher?.appended(id);
        return written;
      },
      async append(event, options) {
        await journal.append(event, options);
        watcher?.appended(id);
      },
      async close() {
        if (!open.delete(id)) return;
        try {
          await journal.close();
        } finally {
          await lock.release().finally(() => watcher?.ended(id));
        }
      },
    };
    open.set(id, watched.close);
    return diskRun(id, folder, watched, known);
  };

  return {
    description: `the folder ${root}`,
    async startRun({ name, parent, tags = {}, id: adopted, serverId }) {
      const id = adopted ?? randomUUID().replaceAll("-", "");
      const known = adopted !== undefined && (await knownAdoption(root, adopted, { name, experiment }));
      await writable(root, makeFolder(join(root, id, "artifacts")));
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
        ...(serverId === undefined ? {} : { serverId }),
      };
      if (adopted === undefined) return begin(id, name, [start]);
      // The server made it without these tags, and as one that waits.
      const reopened: RunEvent[] = [
        { type: "resume", time, writer },
        { type: "tags", tags },
      ];
      return begin(id, name, known ? reopened : [start, ...reopened]);
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
      return begin(id, name, [{ type: "resume", time: Date.now(), writer }]);
    },
    async close() {
      const closed = await Promise.allSettled([...open.values()].map((close) => close()));
      for (const result of closed) if (result.status === "rejected") throw result.reason;
    },
  };
}

/** @param known what earlier processes wrote: said again it is left out */
function diskRun(id: string, folder: string, journal: Journal, known: Known | undefined): TrackedRun {
  const artifacts = known?.artifacts ?? new Map<string, Digest>();
  const at = (path: string) => join(folder, "artifacts", ...checkedPath(path));
  const putArtifact = async (path: string, write: Write) => {
    const [digest] = await putFiles(folder, [{ file: at(path), write }]);
    if (artifacts.get(path)?.sha256 === digest!.sha256) return;
    await journal.append({ type: "artifact", path, ...digest! });
    artifacts.set(path, digest!);
  };
  // Shares the blocks where the file system can.
  const copyOf =
    (file: string): Write =>
    (temporary) =>
      copyFile(file, temporary, constants.COPYFILE_FICLONE);

  return {
    id,
    async logParams(own) {
      const params = known?.newParams(own) ?? own;
      if (Object.keys(params).length > 0) await journal.append({ type: "params", params });
    },
    async logMetrics(own, { revise = false } = {}) {
      const points = known?.newPoints(own, revise) ?? own;
      if (points.length === 0) return;
      const event: RunEvent = { type: "metrics", points };
      if (!journal.appendNow(event)) await journal.append(event, { edge: false });
    },
    setTags: (tags) => journal.append({ type: "tags", tags }),
    async logInputs(own) {
      const inputs = known?.newInputs(own) ?? own;
      if (inputs.length > 0) await journal.append({ type: "inputs", inputs });
    },
    logArtifact: (path, content) => putArtifact(path, (temporary) => writeFile(temporary, content)),
    logArtifactFile: (path, file) => putArtifact(path, copyOf(file)),
    async logModel({ name, files, summary }) {
      // All at once: while an earlier model of that name is being delivered, its files are one or the other's.
      const digests = await putFiles(
        folder,
        files.map(({ path, file }) => ({ file: at(`${name}/${path}`), write: copyOf(file) })),
      );
      const put = files.map(({ path }, index) => ({ path, ...digests[index]! }));
      await journal.append({ type: "model", name, files: put, summary });
    },
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
  if (!(await exists(join(root, id, JOURNAL)))) return false;
  const start = await findStart(join(root, id));
  // Its process ended while it wrote the first line.
  if (start === undefined) return false;
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

async function writable<T>(folder: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const cause = await reasonOf(folder, error as NodeJS.ErrnoException);
    throw new FileError(folder, `cannot be written to (${cause.code ?? cause.message})`, {
      hint: "runs are journaled there: check the path, its permissions and the free disk space",
      cause,
    });
  }
}

/** Where a folder cannot be made, `mkdir` says of a read-only file system that there is no folder. */
async function reasonOf(folder: string, error: NodeJS.ErrnoException): Promise<NodeJS.ErrnoException> {
  if (error.code !== "ENOENT") return error;
  const found = await access(folder, constants.W_OK).then(
    () => error,
    (cause: NodeJS.ErrnoException) => cause,
  );
  return found.code === "ENOENT" && dirname(folder) !== folder ? reasonOf(dirname(folder), error) : found;
}

const exists = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );
