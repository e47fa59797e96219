import { hasErrorCode, type MlflowClient } from "../../mlflow-js-client/index.ts";
import type { MetricPoint } from "../tracker.ts";

/** Those points that the server does not have yet, in their order; one that is equal to an earlier one is left out. */
export async function missingPoints(
  client: MlflowClient,
  runId: string,
  points: readonly MetricPoint[],
): Promise<MetricPoint[]> {
  const missing = new Map(points.map((point) => [identity(point), point]));
  for (const key of new Set(points.map((point) => point.key))) {
    let pageToken: string | undefined;
    do {
      const page = await client.metrics
        .getHistoryPage(runId, key, pageToken === undefined ? {} : { pageToken })
        .catch((error: unknown) => {
          // A key that the server would refuse has no history.
          if (
            hasErrorCode(error, "INVALID_PARAMETER_VALUE") ||
            hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST")
          ) {
            return { items: [], nextPageToken: undefined };
          }
          throw error;
        });
      for (const point of page.items) missing.delete(identity(point));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
  }
  return [...missing.values()];
}

/** What makes a point the same one for MLflow. Its SQL stores keep ±Infinity as the largest number. */
function identity({ key, step, timestamp, value }: MetricPoint): string {
  const kept = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
  return JSON.stringify([key, step, timestamp, String(kept)]);
}
