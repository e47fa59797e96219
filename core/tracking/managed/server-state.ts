import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../process-lock.ts";

/** A server that one of our processes started on a data folder, and who uses it. */
export interface ServerState {
  readonly pid: number;
  readonly port: number;
  readonly uri: string;
  /** For a person, how it was started. */
  readonly reopenCommand: string;
  /** One entry per use, `<pid> <uuid>`; the server ends with the last of them. */
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

export function writeState(dataDir: string, state: ServerState): void {
  writeFileSync(file(dataDir), `${JSON.stringify(state, null, 2)}\n`);
}

/** Ends one use. True when that was the last and the server should end too. */
export function dropUser(dataDir: string, serverPid: number, user: string): boolean {
  const state = readState(dataDir);
  if (state?.pid !== serverPid) return false;
  const users = state.users.filter((other) => other !== user && isAlive(Number.parseInt(other, 10)));
  // Kept also without users: the next server gets the same port, so that yesterday's links still work.
  writeState(dataDir, { ...state, users });
  return users.length === 0;
}
