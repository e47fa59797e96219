import type { ComparisonConfig } from "../../comparison/config/index.ts";
import { describePlan, type Plan } from "../../comparison/plan/index.ts";

/** What `--dry-run` prints: what the config comes to, then the plan. */
export function dryRunText(config: ComparisonConfig, plan: Plan): string {
  const { optimizer, epochs, batchSize, schedule } = config.train;
  const tower = config.peft.map(({ use }) => use).join(" + ") || "none (the head alone is trained)";
  return [
    `${config.name} → experiment "${config.experiment}"`,
    `dataset ${config.dataset.use}; PEFT ${tower}; device ${config.device}`,
    `${epochs} epochs, batch ${batchSize}, ${optimizer.use} at ${optimizer.options.lr}, ${schedule} schedule`,
    "",
    describePlan(plan).text,
  ].join("\n");
}

export function dryRunJson(config: ComparisonConfig, plan: Plan): string {
  return JSON.stringify({ config, ...describePlan(plan).json }, null, 2);
}
