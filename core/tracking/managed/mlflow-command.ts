import { ensureMlflowInstalled, type InstallOptions } from "./install.ts";
import { runCommand } from "./run-command.ts";

/** How to call MLflow's command line. */
export interface MlflowCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** For a person: "mlflow 3.17.2 on PATH". */
  readonly description: string;
}

/** First version whose server has what is used here (REST dataset inputs, the job and telemetry switches, uvicorn). */
const OLDEST_MAJOR = 3;

/** The mlflow on PATH when it is new enough, else one in an environment of our own. @throws NoMlflowError */
export async function findMlflowCommand(options: InstallOptions): Promise<MlflowCommand> {
  const { stdout } = await runCommand("mlflow", ["--version"], { env: options.env, timeoutMs: 120_000 });
  const version = /version (\d+)(\.\S+)/.exec(stdout);
  if (version && Number(version[1]) >= OLDEST_MAJOR) {
    return { command: "mlflow", args: [], description: `mlflow ${version[1]}${version[2]} on PATH` };
  }
  if (version)
    options.onProgress(`mlflow ${version[1]}${version[2]} on PATH is too old (needs ${OLDEST_MAJOR}.0)`);
  const python = await ensureMlflowInstalled(options);
  return { command: python, args: ["-m", "mlflow"], description: `mlflow in ${options.home}` };
}
