import { comparison } from "./comparison-case.mts";
import type { CaseContext } from "./context.mts";
import { diskCase, diskFaults } from "./disk-cases.mts";
import { serverFaults } from "./faults.mts";
import { leftLocks, lockCase } from "./lock-cases.mts";
import { manyMetrics, sameRunTwice } from "./other-cases.mts";
import type { Outcome } from "./outcome.mts";
import { serverCase } from "./server-case.mts";

export interface Case {
  readonly name: string;
  /** Needs the right to mount a file system. */
  readonly mounts?: boolean;
  run(context: CaseContext): Promise<Outcome>;
}

export const cases: readonly Case[] = [
  ...serverFaults.map((fault) => ({
    name: fault.name,
    run: (context: CaseContext) => serverCase(context, fault),
  })),
  ...diskFaults.map((fault) => ({
    name: fault.name,
    mounts: true,
    run: (context: CaseContext) => diskCase(context, fault),
  })),
  ...leftLocks.map((left) => ({
    name: left.name,
    run: (context: CaseContext) => lockCase(context, left),
  })),
  { name: "same-run", run: sameRunTwice },
  { name: "many", run: manyMetrics },
  { name: "comparison", run: comparison },
];
