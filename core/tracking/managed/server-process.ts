import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TrackingError } from "../errors.ts";
import { isAlive } from "../process-identity.ts";
import type { MlflowCommand } from "./mlflow-command.ts";

export interface LaunchOptions {
  readonly mlflow: MlflowCommand;
  /** Database, artifacts and log; the server's working directory, so that no path needs quoting in a database URI. */
  readonly dataDir: string;
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
  /** Time until it must answer, ms. */
  readonly startTimeoutMs: number;
}

export const HOST = "127.0.0.1";

/** Arguments of `mlflow` for a server on the data folder it is started in. */
export const serverArgs = (port: number): string[] => [
  "server",
  ...["--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "./artifacts"],
  ...["--host", HOST, "--port", String(port), "--workers", "1"],
];

/** Ports are taken by others between choosing and binding now and then. */
export class PortTakenError extends TrackingError {}

/**
 * Starts a server as a process group of its own and waits until it answers.
 * @returns its pid
 * @throws TrackingError with the end of its log when it dies or does not answer in time
 */
export async function launchServer(options: LaunchOptions): Promise<number> {
  const { mlflow, dataDir, port, env, startTimeoutMs } = options;
  mkdirSync(dataDir, { recursive: true });
  const log = join(dataDir, "server.log");
  // A file, not a pipe: the server may outlive this process.
  const output = openSync(log, "w");
  const child = spawn(mlflow.command, [...mlflow.args, ...serverArgs(port)], {
    cwd: dataDir,
    env: serverEnv(env),
    detached: true,
    stdio: ["ignore", output, output],
    windowsHide: true,
  });
  closeSync(output);
  let ended: string | undefined;
  child.on("error", (error) => {
    ended = error.message;
  });
  child.on("exit", (code, signal) => {
    ended = signal ? `it was ended by ${signal}` : `exit code ${code}`;
  });
  child.unref();
  // Until it answers nobody else knows of it.
  const onExit = () => {
    if (child.pid !== undefined && ended === undefined) signalGroup(child.pid, "SIGTERM");
  };
  process.on("exit", onExit);

  const uri = `http://${HOST}:${port}`;
  const deadline = Date.now() + startTimeoutMs;
  try {
    while (ended === undefined && Date.now() < deadline) {
      if ((await askHealth(uri)) === "up") return child.pid!;
      await sleep(150);
    }
  } finally {
    process.off("exit", onExit);
  }
  if (child.pid !== undefined) await endServer(child.pid);
  const tail = (await readFile(log, "utf8")).trim().split("\n").slice(-8).join("\n");
  const message = `the MLflow server did not start (${ended ?? `no answer within ${startTimeoutMs / 1000} s`}): ${tail}`;
  if (/address already in use|Errno (98|48|10048)/i.test(tail)) throw new PortTakenError(message);
  throw new TrackingError(message, {
    hint: /database schema|revision/i.test(tail)
      ? `another MLflow version wrote ${join(dataDir, "mlflow.db")}: run "mlflow db upgrade sqlite:///mlflow.db" in its folder`
      : `see ${log}, or set MLFLOW_TRACKING_URI to a server`,
  });
}

/** Whether an MLflow server answers there; "busy" when something listens but takes too long. */
export async function askHealth(uri: string): Promise<"up" | "down" | "busy"> {
  try {
    const answer = await fetch(`${uri}/health`, { signal: AbortSignal.timeout(3000) });
    return answer.ok && (await answer.text()) === "OK" ? "up" : "down";
  } catch (error) {
    return (error as Error).name === "TimeoutError" ? "busy" : "down";
  }
}

/** Ends a server with everything it started, and waits for that. */
export async function endServer(pid: number, graceMs = 5000): Promise<void> {
  signalGroup(pid, "SIGTERM");
  if (await groupEnds(pid, graceMs)) return;
  signalGroup(pid, "SIGKILL");
  // What is left may be waiting for init to collect it.
  await groupEnds(pid, 5000);
}

async function groupEnds(pid: number, withinMs: number): Promise<boolean> {
  const group = process.platform === "win32" ? pid : -pid;
  const deadline = Date.now() + withinMs;
  while (isAlive(group)) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

/** Signals the whole group; one that is gone is no error. */
export function signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  if (process.platform === "win32") {
    spawnSync("taskkill", ["/pid", String(pid), "/T", "/F"], { windowsHide: true });
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The user's MLflow settings are for other servers; this one shall be the same everywhere and reach out nowhere. */
function serverEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^_?MLFLOW_/.test(name) && name !== "PYTHONHOME");
  return {
    ...Object.fromEntries(kept),
    MLFLOW_DISABLE_TELEMETRY: "true",
    DO_NOT_TRACK: "true",
    // Runs of GenAI jobs in the background: processes that nothing here needs, and slower to start.
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false",
    PYTHONUNBUFFERED: "1",
  };
}
