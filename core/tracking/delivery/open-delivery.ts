import { join } from "node:path";
import type { MlflowClient } from "../../mlflow-js-client/index.ts";
import { readStart } from "../disk/look-up.ts";
import { openExperiment } from "../mlflow-tracker.ts";
import { tryProcessLock } from "../process-lock.ts";
import { createRunDelivery, type RunDelivery, type RunDeliveryOptions } from "./deliver-run.ts";
import { DELIVERY_LOCK, type Delivered } from "./delivered.ts";
import { ensureRemoteRun, findRemoteRun } from "./remote-run.ts";

export interface DeliveryOpener {
  /**
   * Makes the run on the server, or finds it there. Undefined while it is not its turn: another process delivers it, or
   * its parent is not there yet.
   * @throws TrackingError, MlflowError, FileError
   */
  open(run: Delivered): Promise<RunDelivery | undefined>;
  /** Page of a run, once the server has it. */
  url(id: string): string | undefined;
  /** Id of the experiment, once the server was asked. */
  readonly experimentId: string | undefined;
}

/** @param hooksOf what the run's delivery tells */
export function createDeliveryOpener(
  client: MlflowClient,
  experiment: string,
  runs: ReadonlyMap<string, Delivered>,
  hooksOf: (run: Delivered) => Pick<RunDeliveryOptions, "onRefusal" | "onAnswer" | "mayUpload" | "onUpload">,
): DeliveryOpener {
  const urls = new Map<string, string>();
  const remoteIds = new Map<string, string>();
  let experimentId: string | undefined;

  const remoteId = async (id: string): Promise<string | undefined> =>
    remoteIds.get(id) ?? (await findRemoteRun(client, experimentId!, { id }))?.info.runId;

  return {
    url: (id) => urls.get(id),
    get experimentId() {
      return experimentId;
    },
    async open(run) {
      const { id, folder } = run;
      const size = await run.journal.flush();
      if (run.release === undefined) {
        const lock = await tryProcessLock(join(folder, DELIVERY_LOCK));
        // `dualtail sync` is at it: once it is done, this goes on from there.
        if ("holder" in lock) return undefined;
        run.release = lock.release;
      }
      experimentId ??= (await openExperiment(client, experiment)).experimentId;
      const start = await readStart(folder);
      const parent = start.parent === undefined ? undefined : runs.get(start.parent);
      if (parent && parent.delivery === undefined) return undefined;
      const above = start.parent === undefined ? undefined : await remoteId(start.parent);
      const remote = await ensureRemoteRun(client, experimentId, start, above);
      const { runId } = remote.run.info;
      remoteIds.set(id, runId);
      urls.set(id, client.runUrl(experimentId, runId));
      const hooks = hooksOf(run);
      hooks.onAnswer?.();
      return createRunDelivery({ client, folder, ...remote, size, ...hooks });
    },
  };
}
