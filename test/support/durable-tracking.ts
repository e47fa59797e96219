import { onTestFinished } from "vitest";
import { createMlflowClient } from "../../core/mlflow-js-client/index.ts";
import { type DurableTrackerOptions, openDurableTracker } from "../../core/tracking/durable-tracker.ts";
import type { MetricPoint } from "../../core/tracking/tracker.ts";
import { startFaultyProxy } from "./faulty-proxy.ts";
import { mlflowClient, mlflowUri, uniqueName } from "./mlflow-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface DurableSetting {
  readonly timing?: DurableTrackerOptions["timing"];
  readonly onRequest?: (url: string, body: string) => void;
  /** What ends a request. */
  readonly onSignal?: (signal: AbortSignal) => void;
}

/** A folder and an experiment of one test, and a proxy before the real server that the test puts at fault. */
export async function durableTracking() {
  const client = await mlflowClient();
  const proxy = await startFaultyProxy(await mlflowUri());
  onTestFinished(() => proxy.close());
  const root = await temporaryFolder();
  const experiment = uniqueName("durable");
  const told = { warnings: [] as string[], lines: [] as string[] };

  const remoteRuns = async () => {
    const known = await client.experiments.getByName(experiment);
    if (!known) return [];
    return (await client.runs.search({ experimentIds: [known.experimentId], viewType: "ALL" })).items;
  };
  return {
    client,
    proxy,
    root,
    experiment,
    ...told,
    /** A tracker that tries again soon. */
    open: ({ timing, onRequest, onSignal }: DurableSetting = {}) =>
      openDurableTracker({
        connect: (options) =>
          createMlflowClient({
            trackingUri: proxy.uri,
            ...options,
            fetch: (input, init) => {
              onRequest?.(String(input), String(init?.body));
              if (init?.signal) onSignal?.(init.signal);
              return fetch(input, init);
            },
          }),
        experiment,
        root,
        warn: (line) => told.warnings.push(line),
        line: (line) => told.lines.push(line),
        timing: { gather: 20, maxGather: 20, backoff: 20, maxBackoff: 100, ask: 1000, ...timing },
      }),
    remoteRuns,
    remoteRun: async (name: string) => (await remoteRuns()).find(({ info }) => info.runName === name)!,
    history: (runId: string, key = "loss") => client.metrics.getHistory(runId, key),
    batches: () => proxy.requests.filter((request) => request.includes("log-batch")).length,
  };
}

/** A point of each step. */
export const pointsOf = (from: number, to: number, key = "loss"): MetricPoint[] =>
  Array.from({ length: to - from }, (_, i) => ({
    key,
    value: (from + i) / 4,
    step: from + i,
    timestamp: 1e12 + from + i,
  }));
