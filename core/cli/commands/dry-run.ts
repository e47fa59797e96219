import type { ComparisonConfig } from "../../comparison/config/index.ts";
import { type EstimateResult, estimatePlan, estimateText } from "../../comparison/estimate/index.ts";
import { describePlan, type Plan } from "../../comparison/plan/index.ts";
import { cacheFolder } from "../folders.ts";
import type { Host } from "../host.ts";
import type { Prepared } from "./prepare.ts";

export interface DryRunFlags {
  readonly json?: boolean;
  /** Matrix products of the device in TFLOP/s. */
  readonly rate?: number;
  readonly measure?: boolean;
}

/** What `--dry-run` prints: what the config comes to, the plan, and what it is expected to take. */
export async function dryRun(
  host: Pick<Host, "env">,
  { config, plan, registry, document: { baseDir } }: Prepared,
  { json, rate, measure = false }: DryRunFlags,
): Promise<string> {
  const estimate = await estimatePlan({
    config,
    plan,
    registry,
    baseDir,
    cacheDir: cacheFolder(host.env),
    env: host.env,
    measure,
    ...(rate === undefined ? {} : { rate: rate * 1e12 }),
  });
  return json ? dryRunJson(config, plan, estimate) : dryRunText(config, plan, estimate);
}

function dryRunText(config: ComparisonConfig, plan: Plan, estimate: EstimateResult): string {
  const { optimizer, epochs, batchSize, schedule } = config.train;
  const tower = config.peft.map(({ use }) => use).join(" + ") || "none (the head alone is trained)";
  return [
    `${config.name} → experiment "${config.experiment}"`,
    `dataset ${config.dataset.use}; PEFT ${tower}; device ${config.device}`,
    `${epochs} epochs, batch ${batchSize}, ${optimizer.use} at ${optimizer.options.lr}, ${schedule} schedule`,
    "",
    describePlan(plan).text,
    "",
    estimateText(estimate),
  ].join("\n");
}

function dryRunJson(config: ComparisonConfig, plan: Plan, result: EstimateResult): string {
  const { notes } = result;
  const estimate = result.ok ? { ...result.estimate, notes } : { notes };
  return JSON.stringify({ config, ...describePlan(plan).json, estimate }, null, 2);
}
