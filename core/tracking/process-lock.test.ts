import { spawnSync } from "node:child_process";
import { readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { finish, program, startScript } from "../../test/support/cli.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { identityOf, tokenOf } from "./process-identity.ts";
import {
  holderHint,
  isLocked,
  lockHolder,
  tryProcessLock,
  withProcessLock,
  withProcessLockSync,
} from "./process-lock.ts";

const own = identityOf(process.pid);
const dead = spawnSync(process.execPath, ["--version"]).pid;
const stale = () => tokenOf({ ...own, pid: dead });
const foreign = () => tokenOf({ ...own, host: "node-a", boot: "another", space: undefined });

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder, "a", "x.lock");
});

async function taken() {
  const lock = await tryProcessLock(file);
  if ("holder" in lock) throw new Error(`held by ${lock.holder.pid}`);
  return lock;
}

describe("a lock", () => {
  it("is had by one at a time, and leaves nothing", async () => {
    const lock = await taken();
    expect(await tryProcessLock(file)).toEqual({ holder: { pid: process.pid, file } });
    expect(await isLocked(file)).toBe(true);
    await lock.release();
    expect(await isLocked(file)).toBe(false);
    await (await taken()).release();
    expect(await readdir(join(folder, "a"))).toEqual([]);
  });

  it("is waited for", async () => {
    const lock = await taken();
    const waits: number[] = [];
    const work = withProcessLock(file, async () => "done", { onWait: ({ pid }) => waits.push(pid) });
    setTimeout(() => void lock.release(), 300);
    expect(await work).toBe("done");
    expect(waits).toEqual([process.pid]);
  });

  it("is waited for a little at a process's end", async () => {
    const lock = await taken();
    let count = 0;
    const work = () => {
      count += 1;
    };
    withProcessLockSync(file, work, 50);
    expect(count).toBe(0);
    await lock.release();
    withProcessLockSync(file, work, 50);
    expect(count).toBe(1);
    expect(await isLocked(file)).toBe(false);
  });

  it("of a dead process, of an earlier version too, or one that was cut off, is nobody's", async () => {
    for (const text of [stale(), `${dead} 4dd5c0f3-7f3a-4d0e-9c3a-8f6a0f9f4a11`, ""]) {
      await (await taken()).release();
      await writeFile(file, text);
      expect(await lockHolder(file), text).toBeUndefined();
      await (await taken()).release();
    }
  });

  it("of an earlier version is held by a living process that was there before it", async () => {
    await (await taken()).release();
    await writeFile(file, `${process.ppid} 4dd5c0f3-7f3a-4d0e-9c3a-8f6a0f9f4a11`);
    expect(await lockHolder(file)).toEqual({ pid: process.ppid, file });
    if (process.platform !== "linux") return;
    await utimes(file, 1e9, 1e9);
    expect(await lockHolder(file)).toBeUndefined();
  });

  it("of another machine is held, until somebody says that it is gone", async () => {
    await (await taken()).release();
    await writeFile(file, foreign());
    const holder = { pid: process.pid, elsewhere: "node-a", file };
    expect(await tryProcessLock(file)).toEqual({ holder });
    expect(holderHint(holder)).toContain(`if that machine is gone, remove ${file}`);
    const work = withProcessLock(file, async () => "done", { onWait: () => void rm(file) });
    expect(await work).toBe("done");
  });

  it("is not let go of by who had it before", async () => {
    const first = await taken();
    await rm(file);
    const second = await taken();
    await first.release();
    expect(await isLocked(file)).toBe(true);
    await second.release();
    expect(await isLocked(file)).toBe(false);
  });
});

describe("a stale lock", () => {
  it("is removed by one process at a time", async () => {
    await (await taken()).release();
    const token = stale();
    await writeFile(file, token);
    const guard = await tryProcessLock(`${file}.stale`);
    expect(await tryProcessLock(file)).toMatchObject({ holder: { pid: process.pid } });
    expect(await readFile(file, "utf8")).toBe(token);
    if ("release" in guard) await guard.release();
    // Whoever was at it before may have been killed, too.
    await writeFile(`${file}.stale`, stale());
    await (await taken()).release();
    expect(await readdir(join(folder, "a"))).toEqual([]);
  });

  it("that many processes find again and again has one holder at a time", async () => {
    await (await taken()).release();
    await writeFile(file, stale());
    const racer = program("test/support/lock-racer.ts");
    const racers = Array.from({ length: 4 }, () => startScript(racer, [file, String(dead), "1500"], folder));
    const ended = await Promise.all(racers.map(finish));
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(ended.map(() => [0, ""]));
    const turns = ended.map(({ stdout }) => Number(stdout));
    expect(Math.min(...turns)).toBeGreaterThan(0);
  }, 60_000);
});
