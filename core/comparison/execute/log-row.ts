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
  await run.logMetrics(Object.entries(metrics).map(([key, value]) => ({ key, value, step: 0, timestamp })));
  await logRowArtifacts(context, run, { ...measured, title });
  return metrics;
}
