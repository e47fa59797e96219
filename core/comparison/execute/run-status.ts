import { describeError } from "../../errors.ts";
import type { RunStatus, TrackedRun } from "../../tracking/tracker.ts";
import { FinetuneAborted } from "../../training/finetune.ts";
import type { ComparisonResult } from "../execution-types.ts";
import { Interrupted } from "./context.ts";

/** Keeps a run's status on disk. */
export type SaveRecord = (record: { runId: string; status: RunStatus }) => Promise<void>;

/** Whether work ended because someone stopped it. */
export const isStop = (error: unknown): boolean =>
  error instanceof Interrupted || error instanceof FinetuneAborted;

/** Runs work whose end decides how a run ends: FINISHED, KILLED when the user stopped it, FAILED with the reason otherwise. */
export async function underRun<T>(
  run: TrackedRun,
  save: SaveRecord,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const end = async (status: RunStatus, reason?: string) => {
    // In this order: a process that is killed in between ends the run once more, rather than never.
    await run.finish(status, reason);
    await save({ runId: run.id, status });
  };
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await end(signal.aborted && isStop(error) ? "KILLED" : "FAILED", describeError(error));
    throw error;
  }
  const failed = hasFailures(result);
  await end(failed === undefined ? "FINISHED" : "FAILED", failed);
  return result;
}

function hasFailures(result: unknown): string | undefined {
  const failed = (result as Partial<ComparisonResult> | undefined)?.failed;
  return failed?.length ? failed.map(({ label, reason }) => `${label}: ${reason}`).join("; ") : undefined;
}
