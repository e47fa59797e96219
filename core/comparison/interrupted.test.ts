import { spawnSync } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { identityOf as processOf, tokenOf } from "../tracking/process-identity.ts";
import {
  identityOf,
  LOCK_FILE,
  openRunFolder,
  type RunFolder,
  type RunRecord,
  STATE_FILE,
} from "./execute/run-folder.ts";
import { findInterrupted } from "./interrupted.ts";

const identity = identityOf({ config: "a" });
const dead = spawnSync(process.execPath, ["--version"]).pid;

let output: string;
beforeEach(async () => {
  output = await temporaryFolder();
});

/** A run folder as a process leaves it. */
async function left(
  name: string,
  { status, killed = false }: { readonly status?: RunRecord["status"]; readonly killed?: boolean },
  own = identity,
): Promise<RunFolder> {
  const folder = await openRunFolder(join(output, name), "e", { identity: own });
  if (status) await folder.setParent({ runId: "p", status });
  if (killed) await writeFile(join(folder.path, LOCK_FILE), `${dead} of a process that is gone`);
  else await folder.release();
  return folder;
}
const found = () => findInterrupted(output, identity);

it.each([
  ["killed before its run was begun", { killed: true }, true],
  ["killed at work", { status: "RUNNING", killed: true }, true],
  ["killed while it delivered its end", { status: "FINISHED", killed: true }, true],
  ["stopped by Ctrl-C", { status: "KILLED" }, true],
  ["finished", { status: "FINISHED" }, false],
  ["failed", { status: "FAILED" }, false],
] as const)("tells whether a comparison is one to go on with: %s", async (_, end, is) => {
  const { path } = await left("one", end);
  expect(await found()).toEqual(is ? { folder: path } : undefined);
  if (!is) return;
  const again = await openRunFolder(path, "e", { resume: true, identity });
  // Now a living process is at it.
  expect(await found()).toBeUndefined();
  await expect(openRunFolder(path, "e", { resume: true })).rejects.toThrow(`process ${process.pid} is at it`);
  await again.release();
});

it("takes the newest of the same identity, or none", async () => {
  expect(await findInterrupted(join(output, "nowhere"), identity)).toBeUndefined();
  await left("2026-01-01", { killed: true });
  await left("2026-01-03", { killed: true }, identityOf({ config: "b" }));
  const newer = await left("2026-01-02", { status: "KILLED" });
  expect(await found()).toEqual({ folder: newer.path });
  // Begun in the same second.
  const last = await left("2026-01-02", { status: "FINISHED" });
  expect(basename(last.path)).toBe("2026-01-02-2");
  expect(await found()).toBeUndefined();
});

it("does not decide for another machine", async () => {
  const { path } = await left("one", { status: "RUNNING", killed: true });
  const file = join(path, STATE_FILE);
  await writeFile(file, (await readFile(file, "utf8")).replace(/"host": ".*"/, '"host": "other"'));
  expect(await found()).toEqual({ folder: path, elsewhere: "other" });
});

describe("a lock whose pid is that of a living process now", () => {
  const killed = async (writer: Parameters<typeof tokenOf>[0]) => {
    const { path } = await left("one", { status: "RUNNING", killed: true });
    await writeFile(join(path, LOCK_FILE), tokenOf(writer));
    return path;
  };

  it.runIf(process.platform === "linux").each([
    ["the machine was started anew", { ...processOf(process.pid), boot: "an earlier one" }],
    ["its container was started anew", { ...processOf(process.ppid), start: 1 }],
  ])("does not keep the same command from going on: %s", async (_, writer) => {
    const path = await killed(writer);
    expect(await found()).toEqual({ folder: path });
    await (await openRunFolder(path, "e", { resume: true, identity })).release();
  });

  it("is not taken from another machine, until somebody says that it is gone", async () => {
    const path = await killed({
      ...processOf(process.pid),
      host: "node-a",
      boot: "another",
      space: undefined,
    });
    expect(await found()).toEqual({ folder: path, elsewhere: "node-a" });
    const lock = join(path, LOCK_FILE);
    await expect(openRunFolder(path, "e", { resume: true })).rejects.toMatchObject({
      message: `${path}: process ${process.pid} on node-a is at it`,
      hint: expect.stringContaining(`if that machine is gone, remove ${lock}`),
    });
    await rm(lock);
    await (await openRunFolder(path, "e", { resume: true, identity })).release();
  });
});
