import { existsSync } from "node:fs";
import path from "node:path";
import type { ComparisonConfig, Device } from "../../comparison/config/index.ts";
import { identityOf, readState, runFolderName, STATE_FILE } from "../../comparison/execute/run-folder.ts";
import type { Adoption, ComparisonResult } from "../../comparison/execution-types.ts";
import { findInterrupted, type InterruptedComparison } from "../../comparison/interrupted.ts";
import { runComparison } from "../../comparison/prepare.ts";
import { resolve, resolveTrackingPort } from "../../container/index.ts";
import type { Reporter } from "../../container/reporter.ts";
import type { ManagedMlflow } from "../../tracking/index.ts";
import { UsageError } from "../failure.ts";
import { cacheFolder } from "../folders.ts";
import { EXIT, type Host } from "../host.ts";
import { untilInterrupted } from "../interrupts.ts";
import { type ProjectRun, projectRun } from "../project-run.ts";
import { checkRegister, registerAfter } from "../register/after-comparison.ts";
import type { Registered } from "../register/best-of-comparison.ts";
import { journalFolder, type OpenedTracking, openTracking } from "../tracking.ts";
import type { DryRunFlags } from "./dry-run.ts";
import { outputFolder, type Prepared, prepareComparison } from "./prepare.ts";

export interface CompareFlags extends DryRunFlags {
  readonly dryRun?: boolean;
  readonly device?: Device;
  readonly threads?: number;
  readonly output?: string;
  readonly resume?: string;
  /** Start anew also where this comparison was interrupted. */
  readonly fresh?: boolean;
  readonly rerun?: boolean;
  /** Name of a registered model. */
  readonly register?: string;
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
      opened = await openTracking(host, reporter, flags.trackingUri, "continue");
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
  const identity = requestIdentity(host, prepared, flags);
  const interrupted =
    resume === undefined && !flags.fresh ? await findInterrupted(outputDir, identity) : undefined;
  const goOn = interrupted && (sayInterrupted(reporter, interrupted) ? interrupted.folder : undefined);
  const name = flags.register ?? config.models?.register;
  const tracking = await resolveTrackingPort(container);
  try {
    host.signal.throwIfAborted();
    if (name !== undefined) checkRegister(name, opened);
    const going = resume ?? goOn;
    const project = going === undefined ? await projectRun(host, reporter, opened) : undefined;
    const experiment = going
      ? (await readState(path.join(going, STATE_FILE))).experiment
      : (project?.experiment ?? config.experiment);
    if (experiment !== config.experiment)
      reporter.line(`Experiment: ${experiment}, that of the run, instead of ${config.experiment}`);
    const running = { ...prepared, config: { ...config, experiment } };
    const result = await runComparison(running, {
      tracking,
      reporter: resolve(container, "reporter"),
      signal: host.signal,
      outputDir,
      cacheDir: cacheFolder(host.env),
      resume: going,
      ...(project && { adopt: adoptionOf(project, config, outputDir) }),
      identity,
      rerun: flags.rerun === true,
    });
    const registered =
      name === undefined
        ? undefined
        : await registerAfter(host, result, { name, reporter, opened, quiet: flags.quiet });
    reporter.close();
    await printResult(host, result, { json: flags.json === true, registered });
    for (const { label, reason } of result.failed) reporter.warn(`${label} failed: ${reason}`);
    await keepOpen(host, opened?.managed, flags);
    return result.failed.length > 0 || (name && !registered) ? EXIT.failure : 0;
  } finally {
    await tracking.close();
  }
}

/**
 * What makes the same command: the config with its flags, what its relative paths are relative to, where journals are
 * kept, and the server that is named, whose address may hold a password and is kept as a hash only.
 */
const requestIdentity = (host: Host, { config, document }: Prepared, flags: CompareFlags): string =>
  identityOf({
    config,
    baseDir: document.baseDir,
    journals: journalFolder(host.cwd),
    server: flags.trackingUri ?? host.env.MLFLOW_TRACKING_URI?.trim(),
    rerun: flags.rerun === true,
    // `mlflow run --run-id` goes on with that run.
    run: host.env.MLFLOW_RUN_ID?.trim() || undefined,
  });

const adoptionOf = ({ id }: ProjectRun, { name }: ComparisonConfig, outputDir: string): Adoption => ({
  id,
  folder: path.join(outputDir, `${runFolderName(name, new Date())}-${id.slice(0, 8)}`),
  tags: {},
});

/** Returns whether it is gone on with. */
function sayInterrupted(reporter: Reporter, { folder, elsewhere }: InterruptedComparison): boolean {
  if (elsewhere === undefined) {
    reporter.line(`Going on with ${folder}, which was interrupted (--fresh starts anew)`);
    return true;
  }
  reporter.warn(
    `${folder} was not finished on ${elsewhere}, where it may still run: a new one is started (--resume ${folder} goes on with it)`,
  );
  return false;
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

async function printResult(
  host: Host,
  result: ComparisonResult,
  { json, registered }: { readonly json: boolean; readonly registered: Registered | undefined },
): Promise<void> {
  if (json) {
    host.print(JSON.stringify(registered ? { ...result, registered } : result, null, 2));
    return;
  }
  const where = [...(result.url ? [`MLflow: ${result.url}`] : []), `Folder: ${result.folder}`];
  host.print(["", result.tableText, "", ...where].join("\n"));
  if (registered === undefined) return;
  const { registeredText } = await import("../register/best-of-comparison.ts");
  host.print(`\n${registeredText(registered)}`);
}
