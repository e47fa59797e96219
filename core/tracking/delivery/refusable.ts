import type { MlflowClient } from "../../mlflow-js-client/index.ts";
import { isMissingEndpoint, isOptional, isRefusal, type Refusable, recordRefusal } from "./refusals.ts";
import { isGone } from "./remote-run.ts";

export interface RefusableOptions {
  readonly client: MlflowClient;
  /** Of the run. */
  readonly folder: string;
  readonly runId: string;
  readonly onRefusal?: (what: Refusable, reason: string) => void;
  /** The server did what it was asked, or refused it. */
  readonly onAnswer: () => void;
  /** Someone deleted the run: that is why it refuses. */
  readonly onGone: () => void;
}

/** What of a run the server may refuse for ever. */
export interface Refusals {
  /** Does what may be refused; a refusal is recorded, and it goes on without. @throws MlflowError for what may pass */
  try(what: Refusable, content: unknown, work: () => Promise<unknown>): Promise<void>;
  /** What the server answered with `error`, it will never take. @throws MlflowError where that is not sure */
  record(what: Refusable, content: unknown, error: unknown): Promise<void>;
  /** What the server will never have, for a reason of our own. */
  leaveOut(what: Refusable, content: unknown, reason: string): Promise<void>;
}

export function createRefusals(options: RefusableOptions): Refusals {
  const { client, folder, runId, onRefusal, onAnswer, onGone } = options;
  const leaveOut: Refusals["leaveOut"] = async (what, content, reason) => {
    await recordRefusal(folder, what, content, reason);
    onRefusal?.(what, reason);
  };
  const record: Refusals["record"] = async (what, content, error) => {
    const lacking = isOptional(what) && isMissingEndpoint(error);
    if (!isRefusal(error) && !lacking) throw error;
    if (!lacking && (await isGone(client, runId))) return onGone();
    await leaveOut(what, content, lacking ? "the server has no endpoint for it" : (error as Error).message);
  };
  return {
    async try(what, content, work) {
      try {
        await work();
      } catch (error) {
        return record(what, content, error);
      }
      onAnswer();
    },
    record,
    leaveOut,
  };
}
