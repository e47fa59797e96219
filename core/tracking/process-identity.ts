import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process, told from those that had its pid before it or have it elsewhere. What is not known is left out. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Name of its machine; absent in what an earlier version wrote. */
  readonly host?: string;
  /** Drawn anew at each start of the machine. From here on: Linux only. */
  readonly boot?: string;
  /** Which processes the pid is counted among: each container has pids of its own. */
  readonly space?: string;
  /** When it began, in clock ticks (10 ms) after the machine. */
  readonly start?: number;
}

/** "elsewhere": on another machine or in another container, from where it cannot be seen. */
export type Whereabouts = "here" | "gone" | "elsewhere";

/** The pids of the machine itself, as opposed to a container's. */
const MACHINE = "pid:[4026531836]";

/** The process that has the pid now. */
export function identityOf(pid: number): ProcessIdentity {
  const host = hostname();
  if (!showsOwn()) return { pid, host };
  return {
    pid,
    host,
    boot: readProc("/proc/sys/kernel/random/boot_id")?.trim(),
    space: ownSpace(),
    start: look(pid)?.start,
  };
}

/**
 * Whether a process still lives.
 * @param since ms since the epoch; who began later is another one. For a process of which only the pid is known
 * @param own the process that asks
 */
export function whereabouts(
  other: ProcessIdentity,
  { since, own = identityOf(process.pid) }: { readonly since?: number; readonly own?: ProcessIdentity } = {},
): Whereabouts {
  const known = other.boot !== undefined && own.boot !== undefined;
  const sameKernel = known && other.boot === own.boot;
  const visible = () => (isRunning(other, since) ? "here" : "gone");
  // A machine may be given another name while it runs.
  if (other.host === undefined || (sameKernel && other.space === own.space)) return visible();
  if (other.host !== own.host) return "elsewhere";
  // Of an earlier start of this machine.
  if (known && !sameKernel) return "gone";
  if (!known) return visible();
  // A container that was started anew; or one that has the machine's name, beside the machine itself.
  return [other.space, own.space].includes(MACHINE) ? "elsewhere" : "gone";
}

/** What says in a file who wrote it: pid, something unique, and the rest of the identity as JSON. */
export const tokenOf = ({ pid, ...rest }: ProcessIdentity): string =>
  `${pid} ${randomUUID()} ${JSON.stringify(rest)}`;

export const newToken = (): string => tokenOf(identityOf(process.pid));

/** The process that wrote a token; undefined for what is none. Earlier versions wrote the pid and something unique. */
export function readToken(token: string): ProcessIdentity | undefined {
  const [, digits, json] = /^([1-9]\d*)\b\s*\S*\s*(.*)$/s.exec(token) ?? [];
  if (digits === undefined) return undefined;
  const rest = parsed(json ?? "");
  const text = (name: string) => (typeof rest[name] === "string" ? rest[name] : undefined);
  return {
    pid: Number(digits),
    host: text("host"),
    boot: text("boot"),
    space: text("space"),
    start: typeof rest.start === "number" ? rest.start : undefined,
  };
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // An earlier version's.
  }
}

/** Whether something of this machine can be signalled by the pid: a process, one of its threads, or with -pid a group. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal, but there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isRunning({ pid, start }: ProcessIdentity, since = Number.POSITIVE_INFINITY): boolean {
  const found = showsOwn() ? look(pid) : undefined;
  // Not Linux, or another user's, which may be hidden.
  if (found === undefined) return isAlive(pid);
  // Ended, and its parent has not asked for its exit code.
  if (found.state === "Z" || found.state === "X") return false;
  if (start !== undefined) return found.start === start;
  // The clock may have been set a little since.
  return !isThread(pid) && clockTime(found.start) < since + 2000;
}

/** Threads have numbers among the pids, and are found by them. */
function isThread(pid: number): boolean {
  const group = /^Tgid:\s*(\d+)/m.exec(readProc(`/proc/${pid}/status`) ?? "")?.[1];
  return group !== undefined && Number(group) !== pid;
}

/** Ticks as ms since the epoch. In a container the machine's uptime may be hidden; our own beginning is not. */
function clockTime(ticks: number): number {
  const own = look(process.pid);
  return performance.timeOrigin + (ticks - (own?.start ?? ticks)) * 10;
}

function look(pid: number): { readonly state: string; readonly start: number } | undefined {
  const text = readProc(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name before may hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0]!, start: Number(fields[19]) };
}

/** Whether there is a /proc, and it is that of our own pids. */
const showsOwn = (): boolean =>
  process.platform === "linux" && Number.parseInt(readProc("/proc/self/stat") ?? "", 10) === process.pid;

function ownSpace(): string | undefined {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return undefined; // A kernel without.
  }
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // Gone, or not for us to see.
  }
}
