import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "../../bench/median.ts";
import { finish, program, startScript } from "../../test/support/cli.ts";

const WRITER = program("scripts/faults/cost-writer.mts");

/** Processor time of a step's tracking, ms: of the thread that trains, and of all threads. */
export interface Cost {
  readonly stepMs: number;
  /** In a run's first 5 s, and from its tenth second on. */
  readonly young: { readonly main: number; readonly all: number };
  readonly old: { readonly main: number; readonly all: number };
}

type Windows = readonly [Cost["young"], Cost["old"]];

const STEPS = [20, 50, 200];
const REPETITIONS = 3;

/**
 * What tracking costs at steps of several lengths, over processes that do the same and log nothing: medians of the
 * differences of pairs, one after the other.
 */
export async function measureCosts(uri: string): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (const stepMs of STEPS) {
    const one = async (mode: string): Promise<Windows> => {
      const root = await mkdtemp(join(tmpdir(), "dualtail-faults-"));
      const { stdout, stderr } = await finish(startScript(WRITER, [uri, root, String(stepMs), mode], root));
      await rm(root, { recursive: true, force: true });
      if (stdout === "") throw new Error(stderr);
      return JSON.parse(stdout) as Windows;
    };
    const pairs: (readonly [idle: Windows, tracked: Windows])[] = [];
    for (let i = 0; i < REPETITIONS; i += 1) pairs.push([await one("idle"), await one("tracked")]);
    const over = (at: 0 | 1, threads: "main" | "all") =>
      median(pairs.map(([idle, tracked]) => tracked[at][threads] - idle[at][threads]));
    const window = (at: 0 | 1) => ({ main: over(at, "main"), all: over(at, "all") });
    costs.push({ stepMs, young: window(0), old: window(1) });
  }
  return costs;
}

export function describeCosts(costs: readonly Cost[]): string {
  const cell = (ms: number, stepMs: number) => `${ms.toFixed(2)} ms (${((100 * ms) / stepMs).toFixed(1)} %)`;
  return [
    "| step | first 5 s: training thread | first 5 s: all threads | after 10 s: training thread | after 10 s: all threads |",
    "| ---: | ---: | ---: | ---: | ---: |",
    ...costs.map(
      ({ stepMs, young, old }) =>
        `| ${stepMs} ms | ${[young.main, young.all, old.main, old.all].map((ms) => cell(ms, stepMs)).join(" | ")} |`,
    ),
  ].join("\n");
}
