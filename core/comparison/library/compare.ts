import path from "node:path";
import type { Container } from "inversify";
import { Ports, resolve, resolveTrackingPort, withPlugins } from "../../container/index.ts";
import { cacheFolder } from "../cache-folder.ts";
import { objectDocument, readConfigDocument } from "../config/index.ts";
import type { ComparisonResult, ExecuteComparison } from "../execution-types.ts";
import { loadNamedPlugins } from "../named-plugins.ts";
import { prepareDocument, runComparison } from "../prepare.ts";
import { createContainer } from "./container.ts";
import { openTracking } from "./open-tracking.ts";

/** How a comparison is run; all of it may be left out. */
export interface CompareOptions {
  /** Of `createContainer` or `runScope`; default one with the built-in plugins. */
  readonly container?: Container;
  /** Folder that relative paths in a config object are relative to, the working directory by default; a file has its own. */
  readonly baseDir?: string;
  /** Folder for the run folder, in place of the config's `output`; relative to the working directory. */
  readonly outputDir?: string;
  /** Folder for what survives between comparisons; default DUALTAIL_CACHE, else the system's cache folder. */
  readonly cacheDir?: string;
  /** Run folder of a comparison to go on with. */
  readonly resume?: string;
  /** Run every cell, also those that the tracker knows finished runs of. */
  readonly rerun?: boolean;
}

/**
 * Runs a comparison: what `dualtail compare` does, in this process. Plugins that the config names are loaded beside the
 * container's. Without a tracking in the container, `openTracking()` is used. What the application bound stays open.
 * @param config a YAML or JSON file, or what such a file would hold as an object
 * @returns a row per zero-shot backbone and per cell, metrics in [0, 1] unless their name says otherwise; cells that
 * failed are told in `failed` and do not reject
 * @throws ConfigError or ConfigErrors saying where in the config, PluginError, FileError, TrackingError; a DualtailError
 * whose hint is how to go on when the signal was aborted
 */
export async function compare(
  config: string | object,
  options: CompareOptions = {},
): Promise<ComparisonResult> {
  const { baseDir = ".", cacheDir = cacheFolder(process.env), resume: folder, rerun } = options;
  const document =
    typeof config === "string"
      ? await readConfigDocument(path.resolve(config), config)
      : objectDocument(config, path.resolve(baseDir));
  const given = options.container ?? (await createContainer());
  const container = await loadNamedPlugins(document, (names, dir) => withPlugins(given, names, dir));
  const prepared = prepareDocument(document, resolve(container, "registry"));
  const reporter = resolve(container, "reporter");
  const bound = container.isBound(Ports.tracking);
  const tracking = bound ? await resolveTrackingPort(container) : await openTracking({ reporter });
  try {
    return await runComparison(prepared, {
      tracking,
      executor: executorOf(container),
      reporter,
      signal: resolve(container, "signal"),
      outputDir: path.resolve(options.outputDir ?? prepared.config.output),
      cacheDir: path.resolve(cacheDir),
      ...(folder === undefined ? {} : { resume: path.resolve(folder) }),
      rerun: rerun === true,
    });
  } finally {
    if (!bound) await tracking.close();
  }
}

const executorOf = (container: Container): ExecuteComparison | undefined =>
  container.isBound(Ports.executor) ? container.get<ExecuteComparison>(Ports.executor) : undefined;
