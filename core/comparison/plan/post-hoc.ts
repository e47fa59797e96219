import { ConfigError } from "../../errors.ts";
import type { JointRecipe, PostHocRecipe } from "../../plugin-api/index.ts";
import type { ComparisonConfig } from "../config/types.ts";
import type { Cell } from "./types.ts";

/** A prime beyond any seeds that people count up from, so that runs of neighbouring seeds do not meet. */
const STRIDE = 1_000_003;

/**
 * Seed of run j of an ensemble over seeds: seed + 1000003·j, modulo 2^32. Run 0 is the run of the seed itself, which
 * the row of the base shares.
 */
export const seedOfRun = (seed: number, j: number): number => (seed + STRIDE * j) % 2 ** 32;

/** Runs that a cell over seeds combines: the recipe's, or as many as there are backbones, at least 2. */
export const runsOf = ({ runs }: PostHocRecipe, { backbones }: ComparisonConfig): number =>
  runs ?? Math.max(2, backbones.length);

/** What a recipe's masses are masses of, and how many there are in a cell. */
export function strataOf(
  recipe: JointRecipe | PostHocRecipe,
  config: ComparisonConfig,
): { readonly count: number; readonly what: "backbone" | "run" } {
  const over = recipe.mode === "joint" ? "backbones" : (recipe.over ?? "backbones");
  if (over === "seeds") return { count: runsOf(recipe as PostHocRecipe, config), what: "run" };
  return { count: over === "one" ? 1 : config.backbones.length, what: "backbone" };
}

/** How many strata a cell has: a post-hoc cell as many as it combines runs, without any one per backbone. */
export const strataCount = ({ dependsOn, backbones }: Cell): number => dependsOn.length || backbones.length;

/**
 * @throws ConfigError where a recipe reads nothing, or where two ensembles over seeds would have a run in common: rows
 * of different seeds are to be independent.
 */
export function checkPostHoc(recipe: PostHocRecipe, config: ComparisonConfig, path: string): void {
  const { base, over, needs = [] } = recipe;
  const refuse = (problem: string, hint: string) => new ConfigError(path, problem, { hint });
  if (base === undefined && !needs.includes("zeroShot")) {
    throw refuse("combines neither trained runs nor zero-shot logits", "its plugin has to name one of them");
  }
  if (over !== "seeds") return;
  if (base === undefined) {
    throw refuse("combines runs of several seeds, but of no loss", "its plugin has to name a base");
  }
  const runs = runsOf(recipe, config);
  if (!Number.isInteger(runs) || runs < 2) throw refuse(`combines ${runs} runs`, "it takes at least 2");
  const owner = new Map<number, number>();
  for (const seed of config.seeds) {
    for (let j = 0; j < runs; j++) {
      const other = owner.get(seedOfRun(seed, j));
      if (other !== undefined) {
        throw refuse(
          `would combine the run of seed ${seedOfRun(seed, j)} for the seeds ${other} and ${seed}`,
          `choose seeds that do not differ by a multiple of ${STRIDE}`,
        );
      }
      owner.set(seedOfRun(seed, j), seed);
    }
  }
}
