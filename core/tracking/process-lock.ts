import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { newToken, readToken, whereabouts } from "./process-identity.ts";

/** The process that has a lock. */
export interface LockHolder {
  readonly pid: number;
  /** Its machine, where that is another one: whether it lives cannot be seen from here, so it counts as living. */
  readonly elsewhere?: string;
  /** Absolute path of the lock. */
  readonly file: string;
}

export interface LockOptions {
  /** Called once when another process holds the lock. */
  readonly onWait?: (holder: LockHolder) => void;
}

/** Either the lock, or who has it. */
export type LockAttempt = { readonly release: () => Promise<void> } | { readonly holder: LockHolder };

/** Runs work while no other process holds the lock file; one left by a dead process does not count. */
export async function withProcessLock<T>(
  file: string,
  work: () => Promise<T>,
  { onWait }: LockOptions = {},
): Promise<T> {
  let told = false;
  for (;;) {
    const attempt = await tryProcessLock(file);
    if ("release" in attempt) {
      try {
        return await work();
      } finally {
        await attempt.release();
      }
    }
    if (!told) onWait?.(attempt.holder);
    told = true;
    await sleep(200);
  }
}

/** Takes the lock file unless another process has it; does not wait. */
export async function tryProcessLock(file: string): Promise<LockAttempt> {
  const token = newToken();
  const holder = take(file, token);
  return holder ? { holder } : { release: async () => letGo(file, token) };
}

/**
 * Runs work that cannot wait for the event loop, such as at a process's exit, while no other process holds the lock file.
 * @param patience ms after which it is left undone
 */
export function withProcessLockSync(file: string, work: () => void, patience: number): void {
  const token = newToken();
  const until = Date.now() + patience;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  while (take(file, token)) {
    if (Date.now() > until) return;
    Atomics.wait(clock, 0, 0, 20);
  }
  try {
    work();
  } finally {
    letGo(file, token);
  }
}

/** Who has the lock file; undefined for nobody, or a process that is dead. */
export async function lockHolder(file: string): Promise<LockHolder | undefined> {
  const found = read(file);
  return found && holderOf(file, found);
}

/** Whether the lock file is held, on this machine or another. */
export const isLocked = async (file: string): Promise<boolean> => (await lockHolder(file)) !== undefined;

/** For a message. */
export const describeHolder = ({ pid, elsewhere }: LockHolder): string =>
  elsewhere === undefined ? `process ${pid}` : `process ${pid} on ${elsewhere}`;

/** What a user can do about a lock that is held. */
export const holderHint = (holder: LockHolder): string => `wait until it ends, or stop it${remedy(holder)}`;

/** For whoever waits. @param doing what the other process is at */
export const waitLine = (holder: LockHolder, doing: string): string =>
  `waiting for ${describeHolder(holder)}, which is ${doing}${remedy(holder)}`;

/** Only a person knows whether another machine is gone. */
const remedy = ({ elsewhere, file }: LockHolder): string =>
  elsewhere === undefined ? "" : `; if that machine is gone, remove ${file}`;

/** Tokens of the locks that this process holds. */
const held = new Set<string>();

interface Found {
  readonly token: string;
  /** When it was written, ms since the epoch. */
  readonly since: number;
}

function holderOf(file: string, { token, since }: Found): LockHolder | undefined {
  const writer = readToken(token);
  // Cut off when the machine went down.
  if (writer === undefined) return undefined;
  const { pid, host, start } = writer;
  const where = whereabouts(writer, { since });
  // Where nothing but pids tells processes apart, our own may be that of one that died.
  const isKnown = pid !== process.pid || start !== undefined || held.has(token);
  if (where === "gone" || (where === "here" && !isKnown)) return undefined;
  if (where === "here") return { pid, file };
  return { pid, elsewhere: host === hostname() ? `${host}, in another container` : host!, file };
}

/** Undefined when it is ours now, else who has it. */
function take(file: string, token: string): LockHolder | undefined {
  mkdirSync(dirname(file), { recursive: true });
  while (!link(file, token)) {
    const found = read(file);
    if (found === undefined) continue;
    const holder = holderOf(file, found) ?? removeStale(file, found.token);
    if (holder) return holder;
  }
  return undefined;
}

/** Written beside it and linked into place: the file never exists without its content. */
function link(file: string, token: string): boolean {
  const mine = `${file}.${randomUUID()}`;
  writeFileSync(mine, token);
  held.add(token);
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      held.delete(token);
      throw error;
    }
    // On a network file system the answer to a link that was made may be lost, and the second try finds it there.
    if (read(file)?.token === token) return true;
    held.delete(token);
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** It may be another's: somebody removed ours by hand. */
function letGo(file: string, token: string): void {
  if (read(file)?.token === token) rmSync(file, { force: true });
  held.delete(token);
}

/**
 * Removes what a dead process left, unless another process is at that, which is returned. Two may find the same stale
 * lock, and the slower one must not remove what the quicker one put there: only who has a second lock may look again
 * and remove the first. The dead cannot come back, so in between nothing changes. Where the second is stale, too, the same
 * goes for it.
 */
function removeStale(file: string, token: string): LockHolder | undefined {
  const guard = `${file}.stale`;
  const own = newToken();
  const holder = take(guard, own);
  if (holder) return holder;
  try {
    if (read(file)?.token === token) rmSync(file, { force: true });
  } finally {
    letGo(guard, own);
  }
  return undefined;
}

function read(file: string): Found | undefined {
  try {
    return { since: statSync(file).mtimeMs, token: readFileSync(file, "utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
