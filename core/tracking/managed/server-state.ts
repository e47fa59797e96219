import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ProcessIdentity, readToken, whereabouts } from "../process-identity.ts";

/** A server that one of our processes started on a data folder, and who uses it. */
export interface ServerState {
  readonly pid: number;
  /** Tells its process from a later one with the same pid; an earlier version did not write it. */
  readonly process?: ProcessIdentity;
  readonly port: number;
  readonly uri: string;
  /** For a person, how it was started. */
  readonly reopenCommand: string;
  /** The token of each use; the server ends with the last of them. */
  readonly users: readonly string[];
}

const file = (dataDir: string) => join(dataDir, "server.json");

/** Synchronous, because it is also needed while the process exits. */
export function readState(dataDir: string): ServerState | undefined {
  try {
    return JSON.parse(readFileSync(file(dataDir), "utf8")) as ServerState;
  } catch {
    // Missing, or cut off by a crash: then nothing is known of a server, and one is started.
    return undefined;
  }
}

/** Only for who holds the folder's lock. */
export function writeState(dataDir: string, state: ServerState): void {
  const temporary = `${file(dataDir)}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(temporary, file(dataDir));
}

/** Whether the process that was started as the server is still there. */
export const isServerAlive = ({ pid, process: server }: ServerState): boolean =>
  whereabouts(server ?? { pid }) === "here";

/** Those uses whose process still lives. */
export const livingUsers = ({ users }: ServerState): string[] =>
  users.filter((user) => {
    const identity = readToken(user);
    return identity !== undefined && whereabouts(identity) === "here";
  });

/** Ends one use. True when that was the last and the server should end too. Only for who holds the folder's lock. */
export function dropUser(dataDir: string, serverPid: number, user: string): boolean {
  const state = readState(dataDir);
  if (state?.pid !== serverPid) return false;
  const users = livingUsers(state).filter((other) => other !== user);
  // Kept also without users: the next server gets the same port, so that yesterday's links still work.
  writeState(dataDir, { ...state, users });
  return users.length === 0;
}
