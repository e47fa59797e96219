import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError } from "../errors.ts";
import type { Answer } from "./answer.ts";
import type { LaunchRequest } from "./requests.ts";

/** A comparison that waits or runs. */
export interface QueueEntry {
  /** Its own id: the tag `dualtail.run_id`. */
  readonly id: string;
  /** The server's run. */
  readonly runId: string;
  readonly experimentId: string;
  readonly experiment: string;
  readonly requester: string;
  readonly request: LaunchRequest;
  readonly state: "queued" | "running";
  /** How often it was begun without coming to an end. */
  readonly attempts: number;
  /** Someone asked to stop it while it ran: whatever happens to this process, it does not go on. */
  readonly stopping?: true;
}

/** What a requester was granted. */
export interface Grant {
  readonly requester: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly trainings: number;
}

/** How a comparison ended, while its run does not say so yet. */
export interface Owed extends Answer {
  readonly runId: string;
  /** How its run ends if nothing else has ended it. */
  readonly end?: "FAILED" | "KILLED";
}

interface State {
  readonly version: 1;
  readonly entries: readonly QueueEntry[];
  readonly grants: readonly Grant[];
  readonly owed: readonly Owed[];
}

/** The comparisons to run, in order, kept in one file that is always whole. */
export interface Queue {
  readonly entries: readonly QueueEntry[];
  readonly grants: readonly Grant[];
  readonly owed: readonly Owed[];
  add(entry: QueueEntry, grant?: Grant): Promise<void>;
  change(id: string, change: Partial<Pick<QueueEntry, "state" | "attempts" | "stopping">>): Promise<void>;
  /** Takes it out; with `owed`, what is to be told of it is kept until `told`. */
  remove(id: string, owed?: Owed): Promise<void>;
  told(runId: string): Promise<void>;
}

const DAY = 24 * 60 * 60 * 1000;

/** What was running when the last process ended comes back as queued, first in line. @throws FileError */
export async function openQueue(file: string): Promise<Queue> {
  let state = await read(file);
  state = { ...state, entries: state.entries.map((entry) => ({ ...entry, state: "queued" })) };
  let writing: Promise<void> = Promise.resolve();
  const save = (next: State): Promise<void> => {
    const before = state;
    state = next;
    const text = `${JSON.stringify(next)}\n`;
    const write = async () => {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(`${file}.tmp`, text, { flush: true });
      await rename(`${file}.tmp`, file);
    };
    const done = writing.then(write).catch((cause: NodeJS.ErrnoException) => {
      if (state === next) state = before;
      throw new FileError(file, `cannot be written (${cause.code ?? cause.message})`, {
        hint: "check the folder and the free disk space",
        cause,
      });
    });
    // The caller gets the error; the next write shall not.
    writing = done.catch(() => undefined);
    return done;
  };
  return {
    get entries() {
      return state.entries;
    },
    get grants() {
      return state.grants;
    },
    get owed() {
      return state.owed;
    },
    add(entry, grant) {
      const recent = state.grants.filter(({ time }) => time > Date.now() - DAY);
      return save({
        ...state,
        entries: [...state.entries, entry],
        grants: grant ? [...recent, grant] : recent,
      });
    },
    change: (id, change) =>
      save({
        ...state,
        entries: state.entries.map((entry) => (entry.id === id ? { ...entry, ...change } : entry)),
      }),
    remove: (id, owed) =>
      save({
        ...state,
        entries: state.entries.filter((entry) => entry.id !== id),
        owed: owed ? [...state.owed, owed] : state.owed,
      }),
    told: (runId) => save({ ...state, owed: state.owed.filter((one) => one.runId !== runId) }),
  };
}

async function read(file: string): Promise<State> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return { version: 1, entries: [], grants: [], owed: [] };
    throw new FileError(file, `cannot be read (${code})`, { hint: "check its permissions", cause });
  }
  try {
    const state = JSON.parse(text) as State;
    const lists = [state.entries, state.grants, state.owed];
    if (state.version === 1 && lists.every(Array.isArray)) return state;
  } catch {
    // Told below.
  }
  throw new FileError(file, "is not a queue of this version of dualtail", {
    hint: "move it away: what waits in it is lost, what was running can be resumed from its run",
  });
}
