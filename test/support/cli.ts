import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compileSources } from "./compile-sources.ts";
import { demand } from "./on-demand.ts";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const root = fileURLToPath(new URL("../..", import.meta.url));
/** Once for all tests of a vitest run, and once for a script that is none. */
const compiled = process.env.VITEST
  ? await import("vitest").then(({ inject }) => demand(inject("compiler"), "the sources do not compile"))
  : await compileSources();
if (!process.env.VITEST) process.once("exit", () => rmSync(compiled, { recursive: true }));

/** A source file of this clone as a process loads it: its compiled form where there is one. @param file below the root */
export function program(file: string): string {
  const built = join(compiled, file.replace(/\.([cm]?)ts$/, ".$1js"));
  return existsSync(built) ? built : join(root, file);
}

/** The command line. */
export const main = program("core/cli/main.ts");
/** Plugin file of the data set `toy`. */
export const toyPlugin = program("test/support/toy-dataset.ts");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of stderr. */
  readonly errors: readonly string[];
}

/** Starts a program in a process of its own, compiled or in TypeScript. */
export function startScript(file: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
  const { NODE_OPTIONS: _options, VITEST: _vitest, MLFLOW_TRACKING_URI: _uri, ...inherited } = process.env;
  const loader = /\.[cm]?ts$/.test(file) ? ["--import", tsx] : [];
  return spawn(process.execPath, [...loader, file, ...args], {
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

/** Runs the command line. */
export function dualtail(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  return finish(startScript(main, args, cwd, env));
}
