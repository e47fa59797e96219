import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FolderState } from "../../core/comparison/execute/run-folder.ts";
import { type Finished, finish, main, startScript } from "./cli.ts";

/** What a comparison was at when it was killed, told by what it left on disk. */
export const PHASES = [
  "before its folder",
  "before the parent run",
  "preparing",
  "zero-shot",
  "training",
  "joint training",
  "post-hoc",
  "between rows",
  "summary",
  "delivering the end",
  "after its end",
] as const;
export type Phase = (typeof PHASES)[number];

export interface Command {
  readonly config: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The one run folder below `runs` in a working directory. */
export function runFolder(cwd: string): string | undefined {
  const runs = join(cwd, "runs");
  const names = existsSync(runs) ? readdirSync(runs) : [];
  if (names.length > 1) throw new Error(`more than one comparison was begun: ${names}`);
  return names[0] === undefined ? undefined : join(runs, names[0]);
}

/** Starts `dualtail compare` in a process of its own. */
const startComparison = ({ config, cwd, env }: Command) =>
  startScript(main, ["compare", config, "--threads", "1"], cwd, env);

function lockHolder(folder: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(join(folder, "writer.lock"), "utf8"), 10);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Until the process with this pid has the run folder; false when it ended before. */
async function untilOpen(cwd: string, child: { readonly pid?: number; readonly exitCode: number | null }) {
  while (child.exitCode === null) {
    const folder = runFolder(cwd);
    if (folder && lockHolder(folder) === child.pid) return true;
    await sleep(2);
  }
  return false;
}

/** Bytes of all journals: how far a comparison has come, however quick the machine is. */
export function journaled(cwd: string): number {
  const root = join(cwd, ".dualtail", "runs");
  if (!existsSync(root)) return 0;
  const size = (run: string) =>
    statSync(join(root, run, "events.jsonl"), { throwIfNoEntry: false })?.size ?? 0;
  return readdirSync(root).reduce((sum, run) => sum + size(run), 0);
}

/** Runs it to its end; tells how long it took to its folder, ms. */
export async function wholeComparison(command: Command): Promise<Finished & { readonly opening: number }> {
  const started = performance.now();
  const child = startComparison(command);
  const ended = finish(child);
  await untilOpen(command.cwd, child);
  const opening = performance.now() - started;
  return { ...(await ended), opening };
}

export interface KillAt {
  /** Bytes in the journals to wait for first; 0: none, not even for the run folder; Infinity: it is not killed. */
  readonly bytes: number;
  /** Then, ms. */
  readonly ms: number;
}

/** Runs it until the moment, then kill -9. The process' own end is what comes back when that was before. */
export async function killedComparison(command: Command, { bytes, ms }: KillAt): Promise<Finished | Phase> {
  const child = startComparison(command);
  const ended = finish(child);
  const isEnded = () => child.exitCode !== null;
  if (bytes > 0) await untilOpen(command.cwd, child);
  // At its end nothing more is written.
  const isAtEnd = () => Number.isFinite(bytes) && runStatus(command.cwd) === "FINISHED";
  while (!isEnded() && journaled(command.cwd) < bytes && !isAtEnd()) await sleep(3);
  if (!isEnded() && Number.isFinite(bytes)) await Promise.race([sleep(ms), once(child, "exit")]);
  if (isEnded() || !Number.isFinite(bytes)) return ended;
  child.kill("SIGKILL");
  await ended;
  return phaseOf(command.cwd);
}

function readFolder(cwd: string): { readonly folder: string; readonly state: FolderState } | undefined {
  const folder = runFolder(cwd);
  const file = folder && join(folder, "state.json");
  if (file === undefined || !existsSync(file)) return undefined;
  return { folder: folder!, state: JSON.parse(readFileSync(file, "utf8")) as FolderState };
}

const runStatus = (cwd: string) => readFolder(cwd)?.state.parent?.status;

function phaseOf(cwd: string): Phase {
  const found = readFolder(cwd);
  if (found === undefined) return "before its folder";
  const { folder, state } = found;
  const { parent, runs, closed } = state;
  if (parent === undefined) return "before the parent run";
  if (closed) return "after its end";
  if (parent.status === "FINISHED") return "delivering the end";
  const records = Object.entries(runs);
  if (records.length === 0) return "preparing";
  const open = records.find(([, { status }]) => status !== "FINISHED");
  if (open === undefined) return existsSync(join(folder, "comparison.md")) ? "summary" : "between rows";
  if (open[0].startsWith("zero-shot:")) return "zero-shot";
  // A row's run begins before its folder.
  const cells = join(folder, "cells");
  const cell = existsSync(cells) && readdirSync(cells).find((name) => name.endsWith(`_${open[0]}`));
  if (!cell) return "between rows";
  if (cell.includes("post-hoc")) return "post-hoc";
  return cell.includes("joint") ? "joint training" : "training";
}
