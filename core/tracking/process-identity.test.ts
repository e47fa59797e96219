import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { identityOf, isAlive, newToken, readToken, tokenOf, whereabouts } from "./process-identity.ts";

const own = identityOf(process.pid);
const dead = spawnSync(process.execPath, ["--version"]).pid;
const MACHINE = "pid:[4026531836]";

describe("a token", () => {
  it("says who wrote it, each time another", () => {
    expect(readToken(newToken())).toEqual(own);
    expect(newToken()).not.toBe(newToken());
    const odd = { pid: 7, host: 'a "b" c' };
    expect(readToken(tokenOf(odd))).toMatchObject(odd);
  });

  it("of an earlier version is a pid; what was cut off is none", () => {
    expect(readToken("25 4dd5c0f3-7f3a-4d0e-9c3a-8f6a0f9f4a11")).toEqual({ pid: 25 });
    expect(readToken("25 of a process that is gone")).toEqual({ pid: 25 });
    expect(readToken("25")).toEqual({ pid: 25 });
    expect(readToken('25 x {"host":')).toEqual({ pid: 25 });
    for (const torn of ["", "\0\0\0", "0 x", "-1 x", "x 25"]) expect(readToken(torn)).toBeUndefined();
  });
});

describe("whereabouts", () => {
  it("knows the living and the dead of this machine", () => {
    expect(whereabouts(own)).toBe("here");
    expect(whereabouts({ ...own, pid: dead })).toBe("gone");
    // By pids alone.
    expect(whereabouts({ pid: process.ppid, host: own.host })).toBe("here");
    expect(whereabouts({ pid: dead, host: own.host })).toBe("gone");
  });

  it("does not decide about another machine, whatever its pids", () => {
    expect(whereabouts({ ...own, host: "node-a", boot: "another" })).toBe("elsewhere");
    expect(whereabouts({ pid: dead, host: "node-a" })).toBe("elsewhere");
  });
});

describe.runIf(process.platform === "linux")("whereabouts on Linux", () => {
  it("tells a process from a later one with its pid", () => {
    expect(whereabouts({ ...own, start: own.start! - 1 })).toBe("gone");
    expect(whereabouts({ ...own, boot: "an earlier one" })).toBe("gone");
  });

  it("knows a machine again that has another name now", () => {
    expect(whereabouts({ ...own, host: "its name yesterday" })).toBe("here");
    expect(whereabouts({ ...own, host: "its name yesterday", pid: dead })).toBe("gone");
  });

  it("tells containers of one machine apart", () => {
    const inside = { ...own, space: "pid:[1]" };
    const asked = (other: typeof own) => whereabouts(other, { own: inside });
    // The same one, before it was started anew.
    expect(asked({ ...own, space: "pid:[2]" })).toBe("gone");
    expect(asked({ ...own, space: "pid:[2]", host: "another" })).toBe("elsewhere");
    // The machine itself, whose name it has.
    expect(asked({ ...own, space: MACHINE })).toBe("elsewhere");
    expect(whereabouts(inside, { own: { ...own, space: MACHINE } })).toBe("elsewhere");
  });

  it("a pid alone is not that of a thread, nor of who began later", async () => {
    const thread = readdirSync("/proc/self/task")
      .map(Number)
      .find((id) => id !== process.pid)!;
    expect(isAlive(thread)).toBe(true);
    expect(whereabouts({ pid: thread })).toBe("gone");
    const child = spawn("sleep", ["60"]);
    onTestFinished(() => void child.kill());
    await once(child, "spawn");
    expect(whereabouts({ pid: child.pid! }, { since: Date.now() })).toBe("here");
    expect(whereabouts({ pid: child.pid! }, { since: Date.now() - 60_000 })).toBe("gone");
  });

  it("who has ended is gone, also where nobody asks for its exit code", async () => {
    const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
    onTestFinished(() => void parent.kill());
    const [text] = (await once(parent.stdout.setEncoding("utf8"), "data")) as [string];
    const pid = Number(text);
    // From then on it is no shell, which would ask.
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, "utf8")).toBe("sleep\n");
    process.kill(pid, "SIGKILL");
    await expect.poll(() => whereabouts({ pid })).toBe("gone");
    expect(isAlive(pid)).toBe(true);
  });
});
