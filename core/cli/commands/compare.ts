import { existsSync } from "node:fs";
import path from "node:path";
import type { Device } from "../../comparison/config/index.ts";
import type { ComparisonResult } from "../../comparison/execution-types.ts";
import { runComparison } from "../../comparison/prepare.ts";
import { resolve, resolveTrackingPort } from "../../container/index.ts";
import type { ManagedMlflow } from "../../tracking/index.ts";
import { UsageError } from "../failure.ts";
import { cacheFolder } from "../folders.ts";
import { EXIT, type Host } from "../host.ts";
import { untilInterrupted } from "../interrupts.ts";
import { type OpenedTracking, openTracking } from "../tracking.ts";
import type { DryRunFlags } from "./dry-run.ts";
import { outputFolder, prepareComparison } from "./prepare.ts";

export interface CompareFlags extends DryRunFlags {
  readonly dryRun?: boolean;
  readonly device?: Device;
  readonly threads?: number;
  readonly output?: string;
  readonly resume?: string;
  readonly rerun?: boolean;
  readonly trackingUri?: string;
  readonly quiet?: boolean;
}

/** Runs a comparison and prints its table. */
export async function compareCommand(host: Host, file: string, flags: CompareFlags): Promise<number> {
  const resume = flags.resume === undefined ? undefined : path.resolve(host.cwd, flags.resume);
  if (resume !== undefined && !existsSync(resume)) {
    throw new UsageError(`--resume: there is no folder ${resume}`, {
      hint: "name the run folder that the comparison printed",
    });
  }
  if (!flags.dryRun && (flags.rate !== undefined || flags.measure)) {
    throw new UsageError(`${flags.measure ? "--measure" : "--rate"} is for --dry-run`, {
      hint: "add --dry-run, or leave it out",
    });
  }
  const reporter = host.reporter({ quiet: flags.quiet });
  let opened: OpenedTracking | undefined;
  const prepared = await prepareComparison(file, host.cwd, flags, {
    reporter,
    tracking: async () => {
      opened = await openTracking(host, reporter, flags.trackingUri);
      return opened;
    },
  });
  const { config, container } = prepared;
  const outputDir = outputFolder(config, host.cwd);
  if (flags.dryRun) {
    const { dryRun } = await import("./dry-run.ts");
    host.print(await dryRun(host, prepared, flags));
    return 0;
  }
  const tracking = await resolveTrackingPort(container);
  try {
    host.signal.throwIfAborted();
    const result = await runComparison(prepared, {
      tracking,
      reporter: resolve(container, "reporter"),
      signal: host.signal,
      outputDir,
      cacheDir: cacheFolder(host.env),
      resume,
      rerun: flags.rerun === true,
    });
    reporter.close();
    printResult(host, result, flags.json === true);
    for (const { label, reason } of result.failed) reporter.warn(`${label} failed: ${reason}`);
    await keepOpen(host, opened?.managed, flags);
    return result.failed.length ? EXIT.failure : 0;
  } finally {
    await tracking.close();
  }
}

/** The server that was started for this comparison: a person at a terminal can look at it until Ctrl-C. */
async function keepOpen(
  host: Host,
  server: ManagedMlflow | undefined,
  { json, quiet }: CompareFlags,
): Promise<void> {
  if (server === undefined || json) return;
  if (host.isTerminal && !quiet && !host.signal.aborted) {
    host.print(`MLflow stays open at ${server.uri} until Ctrl-C; again later: npx dualtail mlflow`);
    await untilInterrupted(host.signal);
  } else {
    host.print("Open MLflow again: npx dualtail mlflow");
  }
}

function printResult(host: Host, result: ComparisonResult, json: boolean): void {
  if (json) {
    host.print(JSON.stringify(result, null, 2));
    return;
  }
  const where = [...(result.url ? [`MLflow: ${result.url}`] : []), `Folder: ${result.folder}`];
  host.print(["", result.tableText, "", ...where].join("\n"));
}
