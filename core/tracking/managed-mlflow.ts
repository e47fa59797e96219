import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import getPort from "get-port";
import { findMlflowCommand, type MlflowCommand } from "./managed/mlflow-command.ts";
import {
  askHealth,
  endServer,
  HOST,
  launchServer,
  PortTakenError,
  serverArgs,
  signalGroup,
} from "./managed/server-process.ts";
import { dropUser, readState, type ServerState, writeState } from "./managed/server-state.ts";
import { isAlive, withProcessLock } from "./process-lock.ts";

export interface ManagedMlflowOptions {
  /** Folder of the project's own MLflow: `mlflow-venv/`, and `mlflow/` with the data. */
  readonly home: string;
  /** Lines for the user: installation, start. */
  readonly onProgress?: (line: string) => void;
  /** Default: the one used last on this data when free, else any free one. */
  readonly port?: number;
  /** Default: `<home>/mlflow`. */
  readonly dataDir?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Default 120 000. */
  readonly startTimeoutMs?: number;
}

export interface ManagedMlflow {
  readonly uri: string;
  /** The folder of the data, which stays. */
  readonly where: string;
  /** Whether it was running already. */
  readonly reused: boolean;
  /** Shell command that opens the same data again. */
  readonly reopenCommand: string;
  /** Ends the server, unless another process uses it. Also done when this process exits. */
  stop(): Promise<void>;
}

/**
 * A real `mlflow server` on this machine's loopback interface, with SQLite and proxied artifacts. Servers are shared:
 * a second process with the same data gets the running one.
 * @throws NoMlflowError (NoPythonError, MlflowInstallError) when this machine cannot run one
 * @throws TrackingError when it does not start
 */
export async function startManagedMlflow(options: ManagedMlflowOptions): Promise<ManagedMlflow> {
  const { home, onProgress = () => undefined, env = process.env } = options;
  const dataDir = resolve(options.dataDir ?? join(home, "mlflow"));
  await mkdir(dataDir, { recursive: true });
  const lock = `${dataDir}.lock`;
  const user = `${process.pid} ${randomUUID()}`;

  const { state, reused } = await withProcessLock(lock, async () => {
    const known = readState(dataDir);
    if (known && (await isRunning(known))) {
      const users = [...known.users.filter((other) => isAlive(Number.parseInt(other, 10))), user];
      return { state: share(dataDir, { ...known, users }), reused: true };
    }
    const mlflow = await findMlflowCommand({ home: resolve(home), env, onProgress });
    onProgress("Starting MLflow");
    const started = await launch(mlflow, dataDir, { ...options, env, preferred: known?.port });
    return { state: share(dataDir, { ...started, users: [user] }), reused: false };
  });

  const { pid, uri, reopenCommand } = state;
  const onExit = () => {
    if (dropUser(dataDir, pid, user)) signalGroup(pid, "SIGTERM");
  };
  process.on("exit", onExit);
  let stopped = false;
  return {
    uri,
    where: dataDir,
    reused,
    reopenCommand,
    async stop() {
      if (stopped) return;
      stopped = true;
      process.off("exit", onExit);
      await withProcessLock(lock, async () => {
        if (dropUser(dataDir, pid, user)) await endServer(pid);
      });
    },
  };
}

/** A server beside a training run on all cores may be slow to answer; that is no reason to start a second one. */
async function isRunning({ pid, uri }: ServerState): Promise<boolean> {
  for (let patience = 10; patience > 0 && isAlive(pid); patience--) {
    const health = await askHealth(uri);
    if (health !== "busy") return health === "up";
  }
  return false;
}

function share(dataDir: string, state: ServerState): ServerState {
  writeState(dataDir, state);
  return state;
}

async function launch(
  mlflow: MlflowCommand,
  dataDir: string,
  options: ManagedMlflowOptions & { readonly env: NodeJS.ProcessEnv; readonly preferred: number | undefined },
): Promise<Omit<ServerState, "users">> {
  const { port: fixed, preferred, env, startTimeoutMs = 120_000 } = options;
  for (let attempt = 1; ; attempt++) {
    const port = fixed ?? (await getPort({ host: HOST, port: attempt === 1 ? preferred : undefined }));
    try {
      const pid = await launchServer({ mlflow, dataDir, port, env, startTimeoutMs });
      return {
        pid,
        port,
        uri: `http://${HOST}:${port}`,
        reopenCommand: reopenCommand(mlflow, dataDir, port),
      };
    } catch (error) {
      if (!(error instanceof PortTakenError) || fixed !== undefined || attempt === 3) throw error;
    }
  }
}

function reopenCommand({ command, args }: MlflowCommand, dataDir: string, port: number): string {
  const quote = (text: string) => (/^[\w./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  return `cd ${quote(dataDir)} && ${[command, ...args, ...serverArgs(port)].map(quote).join(" ")}`;
}
