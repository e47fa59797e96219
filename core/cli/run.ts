import { exitCodeOf, failureLines } from "./failure.ts";
import { EXIT, type Host } from "./host.ts";
import { listenForInterrupts } from "./interrupts.ts";
import { createProgram } from "./program.ts";
import { type CliReporter, createReporter } from "./progress/cli-reporter.ts";
import { styleFor } from "./progress/style.ts";

/** The process a command line runs in. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Runs a command line and returns the exit code. Does not throw: errors are printed, a line each. */
export async function run(
  args: readonly string[],
  { env, cwd, stdout, stderr }: Surroundings,
): Promise<number> {
  const style = styleFor(stderr.isTTY === true, env);
  const debug = args.includes("--debug") || Boolean(env.DUALTAIL_DEBUG);
  let reporter: CliReporter | undefined;
  const remark = (text: string) => (reporter ? reporter.warn(text) : stderr.write(`${text}\n`));
  const interrupts = listenForInterrupts(remark);
  const host: Host = {
    env,
    cwd,
    isTerminal: stdout.isTTY === true,
    print: (text) => stdout.write(`${text}\n`),
    complain: (text) => stderr.write(`${text}\n`),
    signal: interrupts.signal,
    reporter: ({ quiet = false }) => {
      reporter ??= createReporter({ quiet, stream: stderr, env });
      return reporter;
    },
  };
  let code = 0;
  const program = createProgram(host, (exitCode) => {
    code = exitCode;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    code = interrupts.signal.aborted ? EXIT.interrupted : exitCodeOf(error);
    reporter?.close();
    for (const line of failureLines(error, { debug })) stderr.write(`${style.error(line)}\n`);
  } finally {
    reporter?.close();
    interrupts.dispose();
  }
  // A command that Ctrl-C is the way to end (an open MLflow) ends well by it.
  return code;
}
