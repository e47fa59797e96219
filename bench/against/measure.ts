import { fileURLToPath } from "node:url";
import type { Case } from "./cases.ts";
import { startWorker, type Worker } from "./worker.ts";

/** What was measured of one side of a case. */
export interface Side {
  readonly seconds: readonly number[];
  readonly peakMiB: number;
  readonly idleMiB: number;
  readonly facts: Readonly<Record<string, number>>;
}

export interface Measurement {
  readonly case: Case;
  readonly ours: Side;
  readonly torch: Side;
  readonly recompute?: Side;
}

export interface MeasureOptions {
  readonly python: string;
  /** Folder with the checkpoints of bench/torch/models.py. */
  readonly models: string;
  readonly threads: number;
  readonly repeats: number;
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Runs both sides of a case in turn, each in a process of its own; one round before the counted ones warms up. */
export async function measureCase(
  one: Case,
  { python, models, threads, repeats }: MeasureOptions,
): Promise<Measurement> {
  const settings = Object.entries(one.settings).map(([key, value]) => `${key}=${value}`);
  const args = [one.name, `${models}/${one.model}`, String(threads), ...settings];
  const ours = [process.execPath, "--import", "tsx", here("../workers/cases.ts"), ...args];
  const commands: Record<string, readonly string[]> = {
    torch: [python, here("../torch/cases.py"), ...args],
    ours,
    ...(one.recompute ? { recompute: [...ours, "recompute=1"] } : {}),
  };
  const workers = new Map<string, Worker>();
  const seconds = new Map<string, number[]>();
  // One after the other: opening is not to be disturbed either.
  for (const [side, [command, ...rest]] of Object.entries(commands)) {
    workers.set(side, await startWorker(command!, rest));
    seconds.set(side, []);
  }
  for (let round = 0; round <= repeats; round++) {
    for (const [side, worker] of workers) {
      const taken = await worker.run();
      if (round > 0) seconds.get(side)!.push(taken);
    }
  }
  const sides: Record<string, Side> = {};
  for (const [side, worker] of workers) {
    const { idleMiB, facts } = worker;
    sides[side] = { seconds: seconds.get(side)!, idleMiB, facts, peakMiB: await worker.end() };
  }
  return {
    case: one,
    ours: sides.ours!,
    torch: sides.torch!,
    ...(sides.recompute ? { recompute: sides.recompute } : {}),
  };
}
