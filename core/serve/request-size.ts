import type { ComparisonConfig } from "../comparison/config/index.ts";
import type { PluginRegistry } from "../container/index.ts";
import type { Problem } from "../container/schema/problem.ts";
import type { Limits } from "./config/index.ts";

/** What asks for too much, told before a plan is made of it: a plan can be far larger than its config. */
export function sizeProblems(config: ComparisonConfig, registry: PluginRegistry, limits: Limits): Problem[] {
  const { backbones, evaluation, losses, seeds, train } = config;
  const most = (path: Problem["path"], value: number, bound: number, what: string): Problem[] =>
    value <= bound
      ? []
      : [{ path, at: "value", problem: `${value} ${what}: this server takes at most ${bound}` }];
  const runs = losses.map(({ use, options }) => {
    const recipe = registry.get("loss", use).recipe(options as never);
    return recipe.mode === "post-hoc" && recipe.over === "seeds"
      ? (recipe.runs ?? Math.max(2, backbones.length))
      : 1;
  });
  // Every loss counted as if each of its runs were trained: an upper bound.
  const cells = runs.reduce((sum, own) => sum + own, 0) * backbones.length * seeds.length;
  return [
    ...most(["train", "epochs"], train.epochs, limits.epochs, "epochs"),
    ...most(["train", "batchSize"], train.batchSize, limits.batchSize, "images per update"),
    ...most(["evaluation", "batchSize"], evaluation.batchSize, limits.batchSize, "images per pass"),
    ...most(["losses"], cells, 10 * limits.trainings, "rows (losses × backbones × seeds)"),
  ];
}
