import type { ExecuteOptions } from "../execution-types.ts";
import { lossPlugins } from "./fingerprint.ts";

/** Tag of a comparison's run: its plugins that stand in place of others of the same name. */
const REPLACED = "dualtail.replaced";

/** `dualtail.replaced: loss/ce, …` for those that the comparison uses; empty without any. */
export function replacedTags({
  config,
  plan,
  registry,
}: Pick<ExecuteOptions, "config" | "plan" | "registry">): Record<string, string> {
  const used = new Set([
    config.dataset.use,
    ...config.peft.map(({ use }) => use),
    ...config.backbones.map(({ use }) => use),
    ...plan.cells.flatMap(lossPlugins),
  ]);
  const replaced = registry
    .list()
    .filter(({ replaces, plugin }) => replaces !== undefined && used.has(plugin.name))
    .map(({ plugin: { kind, name } }) => `${kind}/${name}`);
  return replaced.length > 0 ? { [REPLACED]: replaced.join(", ") } : {};
}
