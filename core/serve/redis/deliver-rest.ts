import { setTimeout as sleep } from "node:timers/promises";
import { Interrupted } from "../../comparison/execute/context.ts";
import type { Reporter } from "../../container/reporter.ts";
import { DualtailError, describeError } from "../../errors.ts";
import { type MlflowClient, MlflowError, type TransportOptions } from "../../mlflow-js-client/index.ts";
import { type SyncFailure, syncToMlflow } from "../../tracking/index.ts";

/** Wait before MLflow is asked again, at the end of a cell, ms. */
const AGAIN = 3000;

/**
 * A cell is done when MLflow has it: nobody else has this disk.
 * @throws Interrupted when the worker is told to end before, DualtailError when the run was deleted, TrackingError
 */
export async function deliverRest(
  connect: (options: TransportOptions) => MlflowClient,
  root: string,
  {
    reporter,
    signal,
    lost,
  }: { readonly reporter: Reporter; readonly signal: AbortSignal; readonly lost: AbortSignal },
): Promise<void> {
  let told = false;
  while (!lost.aborted) {
    try {
      const onFailure = ({ error }: SyncFailure) => {
        throw error;
      };
      const { deleted } = await syncToMlflow({
        root,
        client: connect({ retries: 0 }),
        retries: 0,
        onFailure,
      });
      if (deleted > 0) throw new DualtailError("the cell's run was deleted on MLflow while it was trained");
      return;
    } catch (error) {
      const { cause } = error as Error;
      const passing = [error, cause].some((one) => one instanceof MlflowError && one.transient);
      if (!passing) throw error;
      // Another worker trains it again from what MLflow has: this disk is nobody else's.
      if (signal.aborted) throw new Interrupted();
      if (!told)
        reporter.warn(`${describeError(error)}. The cell is done once MLflow has it; it is tried again`);
      told = true;
      await sleep(AGAIN, undefined, { signal: AbortSignal.any([signal, lost]) }).catch(() => undefined);
    }
  }
}
