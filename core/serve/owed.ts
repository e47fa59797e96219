import { describeError } from "../errors.ts";
import { MlflowError } from "../mlflow-js-client/index.ts";
import { answer, endRun } from "./answer.ts";
import type { ServeContext } from "./context.ts";

/** Tells how comparisons ended that ended while MLflow was away. @throws MlflowError while it still is */
export async function tellOwed({
  client,
  queue,
  reporter,
}: Pick<ServeContext, "client" | "queue" | "reporter">): Promise<void> {
  for (const { runId, end, ...told } of queue.owed) {
    try {
      if (end !== undefined) await endRun(client, runId, end);
      await answer(client, runId, told);
    } catch (error) {
      if (!(error instanceof MlflowError) || error.transient) throw error;
      // The run was deleted, say.
      reporter.warn(describeError(error));
    }
    await queue.told(runId);
  }
}
