import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface LockOptions {
  /** Called once when another process holds the lock, with its pid. */
  readonly onWait?: (pid: number) => void;
}

/** Runs work while no other process of this machine holds the lock file; one left by a dead process does not count. */
export async function withProcessLock<T>(
  file: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const token = `${process.pid} ${randomUUID()}`;
  let told = false;
  while (!(await take(file, token))) {
    const holder = await readHolder(file);
    if (holder === undefined) continue;
    if (!isHeld(holder)) {
      await removeStale(file, holder.token);
      continue;
    }
    if (!told) options.onWait?.(holder.pid);
    told = true;
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    await letGo(file, token);
  }
}

/** Either the lock, or the pid of the living process that has it. */
export type LockAttempt = { readonly release: () => Promise<void> } | { readonly holder: number };

/** Takes the lock file unless a living process of this machine has it; does not wait. */
export async function tryProcessLock(file: string): Promise<LockAttempt> {
  await mkdir(dirname(file), { recursive: true });
  const token = `${process.pid} ${randomUUID()}`;
  while (!(await take(file, token))) {
    const holder = await readHolder(file);
    if (holder === undefined) continue;
    if (isHeld(holder)) return { holder: holder.pid };
    await removeStale(file, holder.token);
  }
  return { release: () => letGo(file, token) };
}

/** Whether a living process of this machine has the lock file. */
export async function isLocked(file: string): Promise<boolean> {
  const holder = await readHolder(file);
  return holder !== undefined && isHeld(holder);
}

/** Tokens of the locks that this process holds. */
const held = new Set<string>();

/**
 * Whether the holder lives. A pid is given out again: in a container that is started anew our own may be that of the
 * process that died.
 */
const isHeld = ({ pid, token }: { readonly pid: number; readonly token: string }): boolean =>
  pid === process.pid ? held.has(token) : isAlive(pid);

/** Whether a process of this machine has the pid. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal, but there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Written beside it and linked into place: the file never exists without its content. */
async function take(file: string, token: string): Promise<boolean> {
  const mine = `${file}.${randomUUID()}`;
  await writeFile(mine, token);
  held.add(token);
  try {
    await link(mine, file);
    return true;
  } catch (error) {
    held.delete(token);
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(mine, { force: true });
  }
}

async function letGo(file: string, token: string): Promise<void> {
  await rm(file, { force: true });
  held.delete(token);
}

async function readHolder(file: string): Promise<{ pid: number; token: string } | undefined> {
  try {
    const token = await readFile(file, "utf8");
    return { pid: Number.parseInt(token, 10), token };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Two processes may find the same stale lock; whoever moves a fresh one away by mistake puts it back. */
async function removeStale(file: string, token: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if ((await readFile(aside, "utf8")) !== token) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}
