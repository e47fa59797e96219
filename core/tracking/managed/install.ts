import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MlflowInstallError } from "../errors.ts";
import { waitLine, withProcessLock } from "../process-lock.ts";
import { findPython } from "./python.ts";
import { runCommand } from "./run-command.ts";

export interface InstallOptions {
  /** Folder that is to hold `mlflow-venv`. */
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Lines for the user. */
  readonly onProgress: (line: string) => void;
  /** Default: the committed one. */
  readonly requirements?: string;
}

const REQUIREMENTS = fileURLToPath(new URL("./requirements.txt", import.meta.url));

/** Written last: an environment without it was interrupted. */
const COMPLETE = "dualtail-complete.txt";

/**
 * Installs MLflow into `<home>/mlflow-venv`, once: one process at a time, and an interrupted installation is begun
 * anew. A virtual environment holds absolute paths and cannot be moved, so it is marked complete instead of renamed.
 * @returns the environment's interpreter
 * @throws NoPythonError, MlflowInstallError
 */
export async function ensureMlflowInstalled(options: InstallOptions): Promise<string> {
  const { home, env, onProgress, requirements = REQUIREMENTS } = options;
  const venv = join(home, "mlflow-venv");
  const python =
    process.platform === "win32" ? join(venv, "Scripts", "python.exe") : join(venv, "bin", "python");
  const wanted = await readFile(requirements, "utf8");
  const isComplete = async () => (await readFile(join(venv, COMPLETE), "utf8").catch(() => "")) === wanted;
  if (await isComplete()) return python;

  return withProcessLock(
    join(home, "mlflow-install.lock"),
    async () => {
      if (await isComplete()) return python;
      const base = await findPython(env);
      onProgress(`Installing MLflow into ${venv} with Python ${base.version}; this takes some minutes, once`);
      await rm(venv, { recursive: true, force: true });
      await mkdir(home, { recursive: true });
      const step = async (
        what: string,
        command: string,
        args: readonly string[],
        onLine?: (line: string) => void,
      ) => {
        const { code, tail } = await runCommand(command, args, { env: pipEnv(env), onLine });
        if (code !== 0) throw failure(what, tail, venv);
      };
      await step("making a virtual environment", base.executable, ["-m", "venv", venv]);
      const install = ["-m", "pip", "install", "--progress-bar", "off", "--requirement", requirements];
      await step("installing MLflow", python, install, (line) => {
        if (/^(Collecting|Downloading|Installing|Successfully)/.test(line.trim()))
          onProgress(brief(line.trim().replace(/ \(from .*\)$/, "")));
      });
      await writeFile(join(venv, COMPLETE), wanted);
      return python;
    },
    { onWait: (holder) => onProgress(waitLine(holder, "installing MLflow")) },
  );
}

const pipEnv = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  PYTHONHOME: undefined,
  PYTHONPATH: undefined,
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_NO_INPUT: "1",
  // A user-wide `target` or `user` setting would install elsewhere.
  PIP_USER: "0",
  PIP_REQUIRE_VIRTUALENV: "0",
});

/** pip names every package in its last line; one line of them is enough. */
const brief = (line: string) => (line.length > 100 ? `${line.slice(0, 99)}…` : line);

function failure(what: string, tail: string, venv: string): MlflowInstallError {
  const lines = tail.split("\n").filter((line) => line.trim() !== "");
  const reason = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? "no output";
  const offline = /NameResolution|Connection|ProxyError|timed out|No matching distribution/i.test(tail);
  return new MlflowInstallError(`${what} in ${venv} failed: ${brief(reason.trim())}`, {
    hint: offline
      ? "check that the Python package index can be reached, or set MLFLOW_TRACKING_URI to a server"
      : "run it again to begin anew, or put an mlflow on PATH",
  });
}
