import { randomUUID } from "node:crypto";
import { copyFile, mkdir, open, rename, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { FileError } from "../errors.ts";
import { JOURNAL, type Journal, openJournal } from "./disk/journal.ts";
import { TrackingError } from "./errors.ts";
import { currentUser } from "./mlflow-tags.ts";
import type { TrackedRun, Tracker } from "./tracker.ts";

export interface DiskTrackerOptions {
  /** Made when missing; may hold the runs of many experiments. */
  readonly root: string;
  readonly experiment: string;
}

/**
 * Keeps each run in a folder of its own, `<root>/<run id>/` with an append-only events.jsonl and artifacts/, for
 * `syncToMlflow` to upload. It answers nothing about earlier runs. Its methods throw FileError.
 */
export async function openDiskTracker({ root, experiment }: DiskTrackerOptions): Promise<Tracker> {
  await mkdir(root, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new FileError(root, `cannot be made (${cause.code})`, {
      hint: "check the path and its permissions",
      cause,
    });
  });
  const journals = new Set<Journal>();
  const writer = { pid: process.pid, host: hostname() };

  const keep = (id: string, journal: Journal): TrackedRun => {
    journals.add(journal);
    return diskRun(id, join(root, id), journal);
  };

  return {
    description: `the folder ${root}`,
    async startRun({ name, parent, tags = {} }) {
      const id = randomUUID().replaceAll("-", "");
      await mkdir(join(root, id, "artifacts"), { recursive: true });
      const journal = await openJournal(join(root, id, JOURNAL), "create");
      const at = { time: Date.now(), user: currentUser(), writer };
      await journal.append({ type: "start", id, name, experiment, parent: parent?.id, tags, ...at });
      return keep(id, journal);
    },
    async resumeRun(id, name) {
      const file = join(root, id, JOURNAL);
      if (!/^[0-9a-f]+$/.test(id) || !(await exists(file))) {
        throw new TrackingError(`the run "${name}" (${id}) is not in ${root}, so it cannot be resumed`, {
          hint: "set MLFLOW_TRACKING_URI to the server it was started on, or start anew",
        });
      }
      const journal = await openJournal(file, "append");
      await journal.append({ type: "resume", time: Date.now(), writer });
      return keep(id, journal);
    },
    async close() {
      for (const journal of journals) await journal.close();
      journals.clear();
    },
  };
}

function diskRun(id: string, folder: string, journal: Journal): TrackedRun {
  /** Puts a file in place whole, then records it: a recorded artifact is always complete. */
  const putArtifact = async (path: string, write: (temporary: string) => Promise<void>) => {
    const file = join(folder, "artifacts", ...checkedPath(path));
    const temporary = join(folder, `.artifact-${randomUUID()}`);
    try {
      await mkdir(dirname(file), { recursive: true });
      await write(temporary);
      await toDisk(temporary);
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
    await journal.append({ type: "artifact", path });
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
    logArtifactFile: (path, file) => putArtifact(path, (temporary) => copyFile(file, temporary)),
    async finish(status, reason) {
      await journal.append({ type: "finish", time: Date.now(), status, reason });
      await journal.close();
    },
  };
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
  const handle = await open(file, "r+");
  await handle.sync().finally(() => handle.close());
}

const exists = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );
