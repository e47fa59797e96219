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
import {
  dropUser,
  isServerAlive,
  livingUsers,
  readState,
  type ServerState,
  writeState,
} from "./managed/server-state.ts";
import { identityOf, newToken } from "./process-identity.ts";
import { waitLine, withProcessLock, withProcessLockSync } from "./process-lock.ts";

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

/** How long a process that exits waits for others to be done with the server's state, ms. */
const EXIT_PATIENCE = 2000;

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
  const user = newToken();

  const start = async () => {
    const known = readState(dataDir);
    if (known && (await isRunning(known))) {
      const users = [...livingUsers(known), user];
      return { state: share(dataDir, { ...known, users }), reused: true };
    }
    // Its last user has told it to end, and could not wait for that.
    if (known && known.users.length === 0 && isServerAlive(known)) await endServer(known.pid);
    const mlflow = await findMlflowCommand({ home: resolve(home), env, onProgress });
    onProgress("Starting MLflow");
    const started = await launch(mlflow, dataDir, { ...options, env, preferred: known?.port });
    return { state: share(dataDir, { ...started, users: [user] }), reused: false };
  };
  const { state, reused } = await withProcessLock(lock, start, {
    // One of this machine is soon done.
    onWait: (holder) => holder.elsewhere && onProgress(waitLine(holder, "starting MLflow")),
  });

  const { pid, uri, reopenCommand } = state;
  const onExit = () => {
    const leave = () => {
      if (dropUser(dataDir, pid, user)) signalGroup(pid, "SIGTERM");
    };
    // Who holds it for longer is joining, or starting one: the server is theirs to end then.
    withProcessLockSync(lock, leave, EXIT_PATIENCE);
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
async function isRunning(state: ServerState): Promise<boolean> {
  // Without users it is ending.
  if (state.users.length === 0) return false;
  for (let patience = 10; patience > 0 && isServerAlive(state); patience--) {
    const health = await askHealth(state.uri);
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
        process: identityOf(pid),
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
