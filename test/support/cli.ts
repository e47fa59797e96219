import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const main = fileURLToPath(new URL("../../core/cli/main.ts", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of stderr. */
  readonly errors: readonly string[];
}

/** Starts a TypeScript file in a process of its own. */
export function startScript(file: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
  const { NODE_OPTIONS: _options, VITEST: _vitest, MLFLOW_TRACKING_URI: _uri, ...inherited } = process.env;
  return spawn(process.execPath, ["--import", tsx, file, ...args], {
    cwd,
    env: { ...inherited, NO_COLOR: "1", ...env },
  });
}

/** What a process wrote, once it has ended. */
export async function finish(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr, errors: stderr.split("\n").filter(Boolean) };
}

/** Runs the command line from its sources. */
export function dualtail(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  return finish(startScript(main, args, cwd, env));
}
