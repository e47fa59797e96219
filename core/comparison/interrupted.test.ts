import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
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
