import type { PluginRegistry } from "../../container/index.ts";
import { ConfigError, describeError } from "../../errors.ts";
import type { JointRecipe, LossRecipe, PostHocRecipe } from "../../plugin-api/index.ts";
import type { ComparisonConfig, PluginChoice } from "../config/types.ts";
import { canonicalJson } from "./canonical-json.ts";
import { labelsOf } from "./labels.ts";
import { checkPostHoc, strataOf } from "./post-hoc.ts";

/** A loss of the plan: listed by the user, or implied by a post-hoc one. */
export interface LossEntry {
  readonly choice: PluginChoice;
  readonly label: string;
  readonly recipe: LossRecipe;
  readonly implied: boolean;
  /** The entry whose runs a post-hoc entry combines. */
  readonly base?: LossEntry;
}

interface Draft {
  readonly choice: PluginChoice;
  readonly recipe: LossRecipe;
  readonly implied: boolean;
  readonly base?: Draft;
}

/**
 * The losses in an order in which they can be run: a base before the post-hoc losses that combine it, otherwise as
 * listed. A base that the user listed is used, one that is missing is added.
 * @throws ConfigError for a base that does not exist or is not a loss over one model, for weights that do not fit the
 * strata, for seeds that an ensemble over seeds would share, and for a label given twice.
 */
export function orderLosses(config: ComparisonConfig, registry: PluginRegistry): LossEntry[] {
  const known = new Map<string, Draft>();
  const keep = (draft: Draft) => {
    const content = canonicalJson({ use: draft.choice.use, options: draft.choice.options });
    const existing = known.get(content);
    if (existing) return existing;
    known.set(content, draft);
    return draft;
  };
  const listed = config.losses.map((choice, index) => {
    const path = `/losses/${index}`;
    const recipe = recipeOf(choice, registry, path);
    checkRecipe(recipe, config, path);
    return { choice, recipe, path };
  });
  // Those that train first, so that a post-hoc loss finds a base that is listed after it.
  for (const { choice, recipe } of listed)
    if (recipe.mode !== "post-hoc") keep({ choice, recipe, implied: false });
  const drafts = listed.map(({ choice, recipe, path }) => {
    if (recipe.mode !== "post-hoc") return keep({ choice, recipe, implied: false });
    if (recipe.base === undefined) return keep({ choice, recipe, implied: false });
    const base = keep(baseOf(choice, recipe.base, registry, path));
    return keep({ choice, recipe, implied: false, base });
  });

  const ordered = [...new Set(drafts.flatMap((draft) => (draft.base ? [draft.base, draft] : [draft])))];
  const labels = labelsOf(ordered.map(({ choice }) => choice));
  refuseRepeatedLabels(labels, ordered, config);
  const entries = new Map<Draft, LossEntry>();
  return ordered.map((draft, index) => {
    const { choice, recipe, implied } = draft;
    const base = draft.base && entries.get(draft.base);
    const entry: LossEntry = { choice, recipe, implied, label: labels[index]!, base };
    entries.set(draft, entry);
    return entry;
  });
}

function recipeOf({ use, options }: PluginChoice, registry: PluginRegistry, path: string): LossRecipe {
  try {
    return registry.get("loss", use, path).recipe(options as never);
  } catch (cause) {
    if (cause instanceof ConfigError && cause.path === path) throw cause;
    throw new ConfigError(path, `the loss "${use}" refuses its options: ${describeError(cause)}`, { cause });
  }
}

function baseOf(
  post: PluginChoice,
  { use, ...options }: NonNullable<PostHocRecipe["base"]>,
  registry: PluginRegistry,
  path: string,
): Draft {
  const failure = (problem: string) => new ConfigError(path, `the base of "${post.use}" ${problem}`);
  if (!registry.has("loss", use)) {
    throw new ConfigError(path, `the base of "${post.use}" is "${use}", but there is no such loss`, {
      hint: `there are: ${registry.names("loss").join(", ")}`,
    });
  }
  const checked = registry.checkOptions("loss", use, options);
  if (!checked.ok) {
    const [{ problem, path: at }] = checked.problems as [(typeof checked.problems)[number]];
    throw failure(`("${use}") has a wrong option: ${at.join("/") || use}: ${problem}`);
  }
  const choice = { use, options: checked.options };
  const base = recipeOf(choice, registry, path);
  if (base.mode !== "single")
    throw failure(`is "${use}", which is not a loss over one model but ${base.mode}`);
  return { choice, recipe: base, implied: true };
}

function checkRecipe(recipe: LossRecipe, config: ComparisonConfig, path: string): void {
  if (recipe.mode === "single") return;
  if (recipe.mode === "post-hoc") checkPostHoc(recipe, config, path);
  checkWeights(recipe, config, path);
}

function checkWeights(recipe: JointRecipe | PostHocRecipe, config: ComparisonConfig, path: string): void {
  const { strataWeights: weights } = recipe;
  if (weights === undefined) return;
  const { count, what } = strataOf(recipe, config);
  if (weights.length !== count) {
    throw new ConfigError(path, `gives ${weights.length} weights for ${count} ${what}s`, {
      hint: `give one weight per ${what}, in their order, or none`,
    });
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (!weights.every((weight) => weight >= 0) || !Number.isFinite(sum) || sum === 0) {
    throw new ConfigError(path, "has weights that are no masses", {
      hint: "none below 0, at least one above",
    });
  }
}

function refuseRepeatedLabels(
  labels: readonly string[],
  drafts: readonly Draft[],
  config: ComparisonConfig,
): void {
  for (const [index, label] of labels.entries()) {
    if (labels.indexOf(label) === index) continue;
    // Only labels of the user's own can repeat; say so where the user wrote one.
    const culprit = [index, labels.indexOf(label)]
      .map((at) => drafts[at]!)
      .find(({ choice }) => choice.label !== undefined);
    const at = culprit ? config.losses.indexOf(culprit.choice) : -1;
    throw new ConfigError(at < 0 ? "/losses" : `/losses/${at}/label`, `two losses are called "${label}"`, {
      hint: "give them different labels",
    });
  }
}
