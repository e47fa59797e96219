import { statSync } from "node:fs";
import path from "node:path";
import { commonParams } from "../../comparison/execute/params.ts";
import {
  analysisFiles,
  analyzeRuns,
  analyzeSettings,
  isRunId,
  type Subject,
  writeFiles,
} from "../../report/index.ts";
import { MAX_PARAM_VALUE, shortened } from "../../tracking/mlflow-tags.ts";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";
import type { CliReporter } from "../progress/cli-reporter.ts";
import { openClient, openTracking } from "../tracking.ts";
import { prepareComparison } from "./prepare.ts";
import { whereOf } from "./where.ts";

export interface AnalyzeFlags {
  readonly out?: string;
  readonly json?: boolean;
  readonly worst: number;
  /** Params to compare, taken together. */
  readonly by?: readonly string[];
  readonly against?: string;
  /** param=value, each. */
  readonly where?: readonly string[];
  readonly resamples?: number;
  readonly trackingUri?: string;
  readonly quiet?: boolean;
}

/** Prints what fine-tuning did to classes, or how the values of params compare; writes it with --out. */
export async function analyzeCommand(host: Host, what: string, flags: AnalyzeFlags): Promise<number> {
  const { by = [], against, resamples } = flags;
  if (against !== undefined && by.length === 0) {
    throw new UsageError("--against: there is nothing to compare", { hint: "add --by <param>" });
  }
  const reporter = host.reporter({ quiet: flags.quiet });
  const subject = await subjectOf(host, reporter, what, flags);
  const { client, close } = await openClient(host, reporter, flags.trackingUri);
  try {
    const common = {
      client,
      subject,
      ...(resamples === undefined ? {} : { resamples }),
      onProgress: (line: string) => reporter.line(line),
    };
    const made =
      by.length > 0
        ? await analyzeSettings({ ...common, by, ...(against === undefined ? {} : { against }) })
        : await analyzeRuns({ ...common, worst: flags.worst, draw: flags.out !== undefined });
    // The text says so itself.
    if (flags.json) for (const reason of made.omitted) reporter.warn(`left out: ${reason}`);
    host.print(flags.json ? JSON.stringify(made.json, null, 2) : made.text);
    if (flags.out !== undefined) {
      const folder = path.resolve(host.cwd, flags.out);
      await writeFiles(folder, analysisFiles(made));
      reporter.line(`Analysis: ${path.join(folder, "analysis.md")}`);
    }
  } finally {
    await close();
  }
  return 0;
}

/** A config file where one is named, a run where it looks like a run's id, else an experiment. */
async function subjectOf(
  host: Host,
  reporter: CliReporter,
  what: string,
  flags: AnalyzeFlags,
): Promise<Subject> {
  const where = whereOf(flags.where);
  const isConfig = statSync(path.resolve(host.cwd, what), { throwIfNoEntry: false })?.isFile();
  if (!isConfig && !/\.(ya?ml|json)$/.test(what) && !isRunId(what)) {
    return { kind: "experiment", name: what, where };
  }
  if (flags.where !== undefined) {
    throw new UsageError("--where: a run or a config says by itself which runs count", {
      hint: "name the experiment, or leave --where out",
    });
  }
  if (!isConfig && isRunId(what)) return { kind: "run", runId: what };
  const { config } = await prepareComparison(
    what,
    host.cwd,
    {},
    {
      reporter,
      tracking: () => openTracking(host, reporter, flags.trackingUri),
    },
  );
  const params = Object.entries(commonParams(config)).map(
    ([key, value]) => [key, shortened(String(value), MAX_PARAM_VALUE)] as const,
  );
  return {
    kind: "setting",
    experiment: config.experiment,
    params: Object.fromEntries(params),
    file: what,
  };
}
