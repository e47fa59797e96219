import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface CommandResult {
  /** Undefined when the program does not exist, cannot be executed, or took too long. */
  readonly code: number | undefined;
  readonly stdout: string;
  /** The last lines of both outputs. */
  readonly tail: string;
}

export interface CommandOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Every line of both outputs, as it comes. */
  readonly onLine?: (line: string) => void;
}

const TAIL = 20;

/** Runs a program to its end. It never rejects: what came of it is in the result. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { env, cwd, timeoutMs, onLine } = options;
  return new Promise((resolve) => {
    const stdout: string[] = [];
    const tail: string[] = [];
    const child = spawn(command, args, {
      env,
      cwd,
      // Not `timeout`: its timer keeps a process alive whose program was not there to be started.
      signal: timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs),
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
    });
    const follow = (stream: NodeJS.ReadableStream, keep: boolean) => {
      createInterface({ input: stream }).on("line", (line) => {
        if (keep) stdout.push(line);
        tail.push(line);
        if (tail.length > TAIL) tail.shift();
        onLine?.(line);
      });
    };
    follow(child.stdout, true);
    follow(child.stderr, false);
    const end = (code: number | undefined) =>
      resolve({ code, stdout: stdout.join("\n"), tail: tail.join("\n") });
    child.on("error", () => end(undefined));
    child.on("close", (code) => end(code ?? 1));
  });
}
