import type { PluginRegistry, Tracking } from "../container/index.ts";
import { ConfigError } from "../errors.ts";
import { type ComparisonConfig, type ConfigDocument, type Device, validateConfig } from "./config/index.ts";
import type { ComparisonResult, ExecuteComparison, ExecuteOptions } from "./execution-types.ts";
import { type Plan, planComparison, planWarnings } from "./plan/index.ts";

/** What whoever starts a comparison may say instead of its config. */
export interface Overrides {
  readonly device?: Device;
  readonly threads?: number;
  readonly output?: string;
}

/** A comparison that is ready to be run. */
export interface PreparedComparison {
  readonly document: ConfigDocument;
  readonly config: ComparisonConfig;
  readonly registry: PluginRegistry;
  readonly plan: Plan;
}

/**
 * Checks a config whose plugins are in `registry` and makes its plan.
 * @param check throws for a valid config that no plan shall be made of
 * @throws ConfigError or ConfigErrors, saying where
 */
export function prepareDocument(
  document: ConfigDocument,
  registry: PluginRegistry,
  overrides: Overrides = {},
  check: (config: ComparisonConfig) => void = () => {},
): PreparedComparison {
  const config = { ...validateConfig(document, registry), ...definedOnly(overrides) };
  check(config);
  try {
    return { document, config, registry, plan: planComparison(config, registry) };
  } catch (error) {
    throw error instanceof ConfigError ? document.locate(error) : error;
  }
}

const definedOnly = ({ device, threads, output }: Overrides): Overrides => ({
  ...(device === undefined ? {} : { device }),
  ...(threads === undefined ? {} : { threads }),
  ...(output === undefined ? {} : { output }),
});

export type RunSettings = {
  readonly tracking: Tracking;
  /** Absent: `executeComparison`. */
  readonly executor?: ExecuteComparison | undefined;
} & Pick<
  ExecuteOptions,
  | "reporter"
  | "signal"
  | "outputDir"
  | "cacheDir"
  | "resume"
  | "identity"
  | "rerun"
  | "adopt"
  | "trainElsewhere"
>;

/** Runs it, after what the plan warns of; the command line, the server and applications do so alike. */
export async function runComparison(
  { config, document, plan, registry }: PreparedComparison,
  { tracking, executor, ...settings }: RunSettings,
): Promise<ComparisonResult> {
  for (const text of planWarnings(plan)) settings.reporter.warn(text);
  const execute = executor ?? (await import("./execute.ts")).executeComparison;
  return execute({
    ...settings,
    config,
    plan,
    registry,
    baseDir: document.baseDir,
    openTracker: tracking.open,
    trackingDescription: tracking.description,
    configSource: document.text,
  });
}
