import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Begun, type Ended, GOOD, type Limits, type Outcome } from "./messages.ts";

export const LIMITS: Limits = { seconds: 2, mebibytes: 512 };
/** Of the clock, for a case that has not come back: generous, as other programs may hold the processor. */
const HANG_SECONDS = 30;
/** Heap of a child, and how many cases it runs: a leak must not be put down to the case that happens to be next. */
const HEAP_MEBIBYTES = 512;
const CASES_PER_CHILD = 2000;

export interface Result {
  readonly target: string;
  readonly case: number;
  readonly outcome: Outcome;
  readonly detail?: string | undefined;
  readonly seconds: number;
  readonly mebibytes: number;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly target: string;
  /** Numbers of the cases to run. */
  readonly cases: readonly number[];
  readonly limits?: Limits;
  onResult?(result: Result): void;
}

export const isBug = ({ outcome }: Pick<Result, "outcome">): boolean =>
  !(GOOD as readonly string[]).includes(outcome);

/** Runs cases of one target in child processes, a new one after a crash or a hang. */
export async function fuzz(options: FuzzOptions): Promise<Result[]> {
  const results: Result[] = [];
  let left = options.cases;
  while (left.length > 0) {
    const batch = await runChild({ ...options, cases: left.slice(0, CASES_PER_CHILD) });
    if (batch.length === 0)
      throw new Error(`fuzzing ${options.target}: the process ended before its first case`);
    results.push(...batch);
    left = left.slice(batch.length);
  }
  return results;
}

/** Runs cases until one crashes or hangs, or there are no more; gives those that were begun. */
function runChild({ seed, target, cases, limits = LIMITS, onResult }: FuzzOptions): Promise<Result[]> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL("./child.ts", import.meta.url)), [], {
      execArgv: ["--import", "tsx", `--max-old-space-size=${HEAP_MEBIBYTES}`],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const results: Result[] = [];
    let begun: number | undefined;
    let timer: NodeJS.Timeout | undefined;
    let hung = false;
    let complaints = "";
    const add = (result: Omit<Result, "target">) => {
      results.push({ target, ...result });
      onResult?.(results.at(-1)!);
    };
    child.stderr!.on("data", (chunk) => {
      complaints = (complaints + chunk).slice(-2000);
    });
    child.on("message", (message: Begun | Ended) => {
      clearTimeout(timer);
      if ("begun" in message) {
        begun = message.begun;
        timer = setTimeout(() => {
          hung = true;
          child.kill("SIGKILL");
        }, HANG_SECONDS * 1000);
        return;
      }
      begun = undefined;
      const { ended, ...rest } = message;
      add({ case: ended, ...rest });
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (begun !== undefined) {
        const detail = hung
          ? `more than ${HANG_SECONDS} s`
          : `ended with ${signal ?? code}: ${complaints.trim()}`;
        add({ case: begun, outcome: hung ? "hang" : "crash", detail, seconds: 0, mebibytes: 0 });
      } else if (code !== 0) {
        reject(
          new Error(`fuzzing ${target}: the process ended with ${signal ?? code}: ${complaints.trim()}`),
        );
      }
      resolve(results);
    });
    child.send({ seed, target, cases, limits });
  });
}
