import { hasErrorCode, type MlflowClient } from "../../mlflow-js-client/index.ts";
import type { MetricPoint } from "../tracker.ts";

/** Which of some points a run lacks on the server. */
export interface MissingPoints {
  /**
   * In their order; one that is equal to an earlier one is left out. Called again after it threw, it goes on with the page
   * that failed: else a server that fails now and then would never be asked about all of many keys.
   * @throws MlflowError
   */
  find(): Promise<MetricPoint[]>;
}

/** @param onPage called for each page of a history that was read */
export function missingPoints(
  client: MlflowClient,
  runId: string,
  points: readonly MetricPoint[],
  onPage: () => void,
): MissingPoints {
  const missing = new Map(points.map((point) => [identity(point), point]));
  const keys = [...new Set(points.map(({ key }) => key))];
  let pageToken: string | undefined;

  const readPage = async (key: string) => {
    try {
      return await client.metrics.getHistoryPage(runId, key, pageToken === undefined ? {} : { pageToken });
    } catch (error) {
      // A key that the server would refuse has no history.
      const none =
        hasErrorCode(error, "INVALID_PARAMETER_VALUE") || hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST");
      if (none) return { items: [] };
      throw error;
    }
  };

  return {
    async find() {
      for (let key = keys[0]; key !== undefined; key = keys[0]) {
        const page = await readPage(key);
        onPage();
        for (const point of page.items) missing.delete(identity(point));
        pageToken = page.nextPageToken;
        if (pageToken === undefined) keys.shift();
      }
      return [...missing.values()];
    },
  };
}

/** What makes a point the same one for MLflow. Its SQL stores keep ±Infinity as the largest number. */
function identity({ key, step, timestamp, value }: MetricPoint): string {
  const kept = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
  return JSON.stringify([key, step, timestamp, String(kept)]);
}
