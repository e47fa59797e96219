import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A process of bench/workers or bench/torch. */
export interface Worker {
  readonly openSeconds: number;
  /** Peak memory before anything was opened: the runtime and its libraries. */
  readonly idleMiB: number;
  readonly facts: Readonly<Record<string, number>>;
  /** Seconds of one repetition. */
  run(): Promise<number>;
  /** Ends the process; its peak memory. */
  end(): Promise<number>;
}

/** Starts a worker and waits until it is open. @throws Error with what it printed when it fails */
export async function startWorker(command: string, args: readonly string[]): Promise<Worker> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors = `${errors}${chunk}`.slice(-4000);
  });
  const exited = once(child, "close");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${command} ${args.join(" ")} ended early:\n${errors}`);
      // Libraries print to standard output too.
      if (value.startsWith("{")) return JSON.parse(value) as T;
    }
  };
  const ready = await answer<Pick<Worker, "openSeconds" | "idleMiB" | "facts">>();
  return {
    ...ready,
    async run() {
      child.stdin.write("run\n");
      return (await answer<{ seconds: number }>()).seconds;
    },
    async end() {
      child.stdin.end();
      const { peakMiB } = await answer<{ peakMiB: number }>();
      await exited;
      return peakMiB;
    },
  };
}
