import { PassThrough } from "node:stream";
import { run } from "../../core/cli/run.ts";

/** Runs the command line in this process, with no environment. */
export async function commandLine(
  args: readonly string[],
  cwd: string,
): Promise<{ readonly code: number; readonly output: string }> {
  let output = "";
  const stream = () =>
    new PassThrough().on("data", (chunk: Buffer) => {
      output += chunk.toString();
    }) as unknown as NodeJS.WriteStream;
  const code = await run(args, { env: {}, cwd, stdout: stream(), stderr: stream() });
  return { code, output };
}
