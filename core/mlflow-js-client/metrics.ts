import type { Transport } from "./transport.ts";
import type { Metric, Page } from "./types.ts";
import { toMetric, type WireMetric } from "./wire.ts";

/** Histories of metrics; a run itself holds the newest values. */
export interface Metrics {
  /** One page of a metric's values. */
  getHistoryPage(
    runId: string,
    key: string,
    options?: { readonly maxResults?: number; readonly pageToken?: string },
  ): Promise<Page<Metric>>;
  /** All of a metric's values, page by page. */
  getHistory(runId: string, key: string, options?: { readonly pageSize?: number }): Promise<Metric[]>;
}

export function metricsOf(transport: Transport): Metrics {
  const getHistoryPage: Metrics["getHistoryPage"] = async (
    runId,
    key,
    { maxResults = 5000, pageToken } = {},
  ) => {
    const answer = await transport.json<{ metrics?: WireMetric[]; next_page_token?: string }>({
      method: "GET",
      path: "/api/2.0/mlflow/metrics/get-history",
      query: { run_id: runId, metric_key: key, max_results: maxResults, page_token: pageToken },
    });
    return {
      items: (answer.metrics ?? []).map(toMetric),
      nextPageToken: answer.next_page_token || undefined,
    };
  };
  return {
    getHistoryPage,
    async getHistory(runId, key, { pageSize } = {}) {
      const all: Metric[] = [];
      let pageToken: string | undefined;
      do {
        const page = await getHistoryPage(runId, key, { maxResults: pageSize, pageToken });
        all.push(...page.items);
        pageToken = page.nextPageToken;
      } while (pageToken !== undefined);
      return all;
    },
  };
}
