import path from "node:path";
import { createContainer, resolve } from "../../container/index.ts";
import { buildReport, logReport, writeReport } from "../../report/index.ts";
import type { Host } from "../host.ts";
import { openClient } from "../tracking.ts";
import { whereOf } from "./where.ts";

export interface ReportFlags {
  readonly out: string;
  /** False: --no-log. */
  readonly log: boolean;
  readonly resamples?: number;
  /** param=value, each. */
  readonly where?: readonly string[];
  readonly trackingUri?: string;
  readonly quiet?: boolean;
}

/** Writes what an experiment shows, and logs it beside its runs. */
export async function reportCommand(host: Host, experiment: string, flags: ReportFlags): Promise<number> {
  const where = whereOf(flags.where);
  const folder = path.resolve(host.cwd, flags.out);
  const reporter = host.reporter({ quiet: flags.quiet });
  const registry = resolve(await createContainer({ plugins: [], baseDir: host.cwd }), "registry");
  const known = new Set(registry.list("dataset").map(({ plugin }) => plugin.name));
  const { client, close } = await openClient(host, reporter, flags.trackingUri);
  try {
    const report = await buildReport({
      client,
      experiment,
      where,
      ...(flags.resamples === undefined ? {} : { resamples: flags.resamples }),
      reported: (dataset) => (known.has(dataset) ? (registry.get("dataset", dataset).reported ?? []) : []),
      onProgress: (line) => reporter.line(line),
    });
    for (const reason of report.omitted) reporter.warn(`left out: ${reason}`);
    await writeReport(folder, report);
    const url = flags.log ? await logReport(client, experiment, report) : undefined;
    host.print(
      [
        report.verdict,
        "",
        `Report: ${path.join(folder, "report.html")}`,
        ...(url ? [`MLflow: ${url}`] : []),
      ].join("\n"),
    );
  } finally {
    await close();
  }
  return 0;
}
