import { PassThrough } from "node:stream";
import { run } from "../../core/cli/run.ts";

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as they came. */
  readonly output: string;
}

/** Runs the command line in this process. @param env all that it sees of an environment */
export async function commandLine(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Said> {
  const said = { stdout: "", stderr: "", output: "" };
  const stream = (name: "stdout" | "stderr") =>
    new PassThrough().on("data", (chunk: Buffer) => {
      said[name] += chunk.toString();
      said.output += chunk.toString();
    }) as unknown as NodeJS.WriteStream;
  const code = await run(args, { env, cwd, stdout: stream("stdout"), stderr: stream("stderr") });
  return { code, ...said };
}
