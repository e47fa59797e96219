import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { readMark } from "./delivery/mark.ts";
import { REJECTED } from "./delivery/refusals.ts";
import { type DiskRun, findDiskRuns, guarded, type OnBroken, raise } from "./disk/find-runs.ts";
import { JOURNAL, readJournal } from "./disk/journal.ts";
import { TrackingError } from "./errors.ts";

/** A run kept on disk and how much of it a server has, as far as this machine knows. */
export interface RunState {
  readonly id: string;
  readonly name: string;
  readonly experiment: string;
  readonly folder: string;
  /** DIED: its process ended without closing it. */
  readonly state: DiskRun["state"];
  /** The machine of its process, where that is another one: whether it still runs cannot be told. */
  readonly elsewhere?: string;
  /** Events in the journal, and how many of them the server has. */
  readonly events: number;
  readonly delivered: number;
  /** Artifacts that the server does not have yet. */
  readonly artifactsLeft: number;
  /** Things that the server refused for good. */
  readonly rejected: number;
  /** Someone deleted the run on the server. */
  readonly deleted: boolean;
  /** What stopped the delivery last. */
  readonly lastError?: string;
  /** Address of the server that `delivered` is about. */
  readonly server?: string;
  /** Page of the run. */
  readonly url?: string;
}

/**
 * Every run below `root`, parents before their children; asks no server.
 * @param onBroken told of what cannot be read; the others are gone on with
 * @throws TrackingError when there is no such folder; without `onBroken` FileError for what cannot be read
 */
export async function readRunStates(root: string, onBroken: OnBroken = raise): Promise<RunState[]> {
  if (!(await stat(root).catch(() => undefined))?.isDirectory()) {
    throw new TrackingError(`there is no folder ${root}`, {
      hint: "name the folder that holds the journals",
    });
  }
  const states: RunState[] = [];
  for (const run of await findDiskRuns(root, onBroken)) {
    const state = await guarded(run.folder, onBroken, stateOf(run));
    if (state) states.push(state);
  }
  return states;
}

async function stateOf({ folder, start, state, elsewhere, events, size }: DiskRun): Promise<RunState> {
  const mark = await readMark(folder);
  let left = 0;
  const artifacts = new Set<string>();
  // A mark beyond the journal is of one that was lost, as for who delivers it.
  const from = mark !== undefined && mark.bytes <= size ? mark.bytes : 0;
  for await (const { event } of readJournal(join(folder, JOURNAL), { from })) {
    left += 1;
    if (event.type === "artifact") artifacts.add(event.path);
    if (event.type === "model") for (const { path } of event.files) artifacts.add(`${event.name}/${path}`);
  }
  const rejected = await readFile(join(folder, REJECTED), "utf8").catch(() => "");
  return {
    id: start.id,
    name: start.name,
    experiment: start.experiment,
    folder,
    state,
    ...(elsewhere === undefined ? {} : { elsewhere: elsewhere.elsewhere }),
    events,
    delivered: events - left,
    artifactsLeft: artifacts.size,
    // What was refused before a crash may have been refused again after it.
    rejected: new Set(rejected.split("\n").filter(Boolean).map(withoutTime)).size,
    deleted: mark?.gone === true,
    ...(mark?.error === undefined ? {} : { lastError: mark.error }),
    ...(mark === undefined ? {} : { server: mark.uri, url: mark.url }),
  };
}

function withoutTime(line: string): string {
  const { what, content } = JSON.parse(line) as { readonly what: string; readonly content: unknown };
  return JSON.stringify([what, content]);
}
