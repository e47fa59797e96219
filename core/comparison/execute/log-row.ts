import { metricsToRecord } from "../../evaluation/index.ts";
import type { TrackedRun } from "../../tracking/tracker.ts";
import { logRowArtifacts } from "./artifacts.ts";
import type { ExecutionContext } from "./context.ts";
import type { Measured } from "./rows.ts";

/** Logs what a row came to. Returns its metrics by name. */
export async function logRow(
  context: ExecutionContext,
  run: TrackedRun,
  title: string,
  measured: Measured,
): Promise<Record<string, number>> {
  const metrics = { ...metricsToRecord(measured.metrics), ...measured.extra };
  const timestamp = Date.now();
  const points = Object.entries(metrics).map(([key, value]) => ({ key, value, step: 0, timestamp }));
  // A row that failed after this and is gone on with after a change comes to something else.
  await run.logMetrics(points, { revise: true });
  await logRowArtifacts(context, run, { ...measured, title });
  return metrics;
}
