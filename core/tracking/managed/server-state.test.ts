import { spawnSync } from "node:child_process";
import { link, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { identityOf, newToken, tokenOf } from "../process-identity.ts";
import { dropUser, isServerAlive, readState, type ServerState, writeState } from "./server-state.ts";

const own = identityOf(process.pid);
const dead = spawnSync(process.execPath, ["--version"]).pid;
const state: ServerState = {
  pid: process.pid,
  process: own,
  port: 5000,
  uri: "http://127.0.0.1:5000",
  reopenCommand: "mlflow server",
  users: [],
};

it("is replaced whole: who reads it meanwhile has the old one or the new one", async () => {
  const folder = await temporaryFolder();
  writeState(folder, state);
  const before = join(folder, "before");
  await link(join(folder, "server.json"), before);
  writeState(folder, { ...state, port: 5001 });
  expect(JSON.parse(await readFile(before, "utf8"))).toEqual(state);
  expect(readState(folder)).toEqual({ ...state, port: 5001 });
});

it("counts the uses of living processes", async () => {
  const folder = await temporaryFolder();
  const users = [newToken(), newToken(), tokenOf({ ...own, pid: dead }), `${dead} of an earlier version`];
  writeState(folder, { ...state, users });
  expect(dropUser(folder, state.pid + 1, users[0]!)).toBe(false);
  expect(dropUser(folder, state.pid, users[0]!)).toBe(false);
  expect(readState(folder)?.users).toEqual([users[1]]);
  expect(dropUser(folder, state.pid, users[1]!)).toBe(true);
  expect(readState(folder)).toEqual(state);
});

it("knows its server from a later process with the same pid", () => {
  expect(isServerAlive(state)).toBe(true);
  expect(isServerAlive({ ...state, process: undefined })).toBe(true);
  expect(isServerAlive({ ...state, process: { ...own, host: "node-a", boot: "another" } })).toBe(false);
  expect(isServerAlive({ ...state, pid: dead, process: { ...own, pid: dead } })).toBe(false);
  if (process.platform !== "linux") return;
  expect(isServerAlive({ ...state, process: { ...own, boot: "an earlier one" } })).toBe(false);
  expect(isServerAlive({ ...state, process: { ...own, start: own.start! - 1 } })).toBe(false);
});
