import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../errors.ts";
import { TrackingError } from "../../tracking/errors.ts";
import type { FinishedRun, Tracker } from "../../tracking/tracker.ts";
import type { ExecuteOptions, TrainingOutcome } from "../execution-types.ts";
import { throwIfAborted } from "./context.ts";
import { FINGERPRINT } from "./fingerprint.ts";

/** Wait before MLflow is asked once more for a run that is said to have finished, ms. */
const AGAIN = 2000;
/** Answers without the run, after which it is taken for deleted. */
const ANSWERS = 15;

/** The finished runs, by cell, as far as MLflow has them; asks until it answers, whatever time that takes. @param again ms between two tries */
export async function finishedElsewhere(
  outcomes: readonly TrainingOutcome[],
  tracker: Pick<Tracker, "finishedRuns">,
  {
    signal,
    reporter,
    again = AGAIN,
  }: Pick<ExecuteOptions, "signal" | "reporter"> & { readonly again?: number },
): Promise<ReadonlyMap<string, FinishedRun>> {
  if (outcomes.length === 0) return new Map();
  let told = false;
  for (let answers = 0; ; ) {
    try {
      const runs = (await tracker.finishedRuns?.(FINGERPRINT, { needed: true })) ?? [];
      answers += 1;
      const found = outcomes.flatMap(({ cell, runId }) => {
        const run = runs.find(({ ownId }) => ownId === runId);
        return run ? [[cell, run] as const] : [];
      });
      if (found.length === outcomes.length || answers === ANSWERS) return new Map(found);
    } catch (error) {
      if (!(error instanceof TrackingError)) throw error;
      if (!told) reporter.warn(`${describeError(error)}. What was trained elsewhere is asked for again`);
      told = true;
    }
    await sleep(again, undefined, { signal }).catch(() => undefined);
    throwIfAborted(signal);
  }
}
