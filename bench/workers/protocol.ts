import { createInterface } from "node:readline";

/** What a worker measures. */
export interface Measured {
  /** One repetition; its seconds are taken around it. */
  run(): Promise<void>;
  /** Facts that belong in the report, e.g. FLOP per repetition. */
  readonly facts?: Readonly<Record<string, number>>;
  /** Called before the process ends. */
  end?(): unknown;
}

const say = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`);
const peakMiB = () => process.resourceUsage().maxRSS / 1024;

/**
 * A process that is told over its standard input when to do what, so that several can take turns: it says how long
 * opening took, answers each line "run" with the seconds of one repetition, and ends with its peak memory when the
 * input closes.
 */
export async function serve(open: () => Promise<Measured>): Promise<void> {
  const idleMiB = peakMiB();
  const opened = performance.now();
  const { run, facts = {}, end } = await open();
  say({ openSeconds: (performance.now() - opened) / 1000, idleMiB, facts });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== "run") continue;
    const started = performance.now();
    await run();
    say({ seconds: (performance.now() - started) / 1000 });
  }
  end?.();
  say({ peakMiB: peakMiB() });
  process.exit(0);
}
