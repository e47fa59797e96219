import { DualtailError } from "../errors.ts";
import type { Graph, Value } from "../graph/index.ts";
import type { JsonSchema } from "./schema.ts";
import type { StratumLogits } from "./strata.ts";
import { PLUGIN_API_VERSION, type Versioned } from "./version.ts";

/** What a loss over one model sees. B = batch, K = classes. */
export interface LossInputs {
  /** [B, K], float */
  readonly logits: Value;
  /** [B], int64 */
  readonly labels: Value;
  /** [K], float: π_S(y) = n_y / N, strictly positive. */
  readonly classPrior: Value;
  /** [K] n_y, each at least 1: plain numbers, for constants that are worked out in double before the graph is built. */
  readonly classCounts: readonly number[];
  /** `head.scale` of the configuration: the factor s that a cosine head has already put on the logits. */
  readonly headScale: number;
  /** [K], float: estimated pre-training prior P̂_P(y) of this backbone, strictly positive. Present when `needs` names it. */
  readonly pretrainPrior?: Value;
  /** The conditionals P(Y | x, c) of the recipe's strata; `logits` are then what its `predict` makes of them. */
  readonly strata?: readonly StratumLogits[];
}

/** What a loss over several strata (foundation models) sees; one entry per stratum. */
export interface StrataLossInputs {
  /** M × [B, K], float */
  readonly logits: readonly Value[];
  readonly labels: Value;
  readonly classPrior: Value;
  /** [M] stratum masses P(c), summing to 1. */
  readonly strataPrior: readonly number[];
}

/** What a post-hoc prediction can ask for beside the logits of its runs. */
export type PostHocNeed = "zeroShot" | "pretrainPrior" | "classPrior";

/** What a post-hoc recipe `needs`, per stratum in the order of the masses; runs of one backbone have the same. */
export interface PostHocInputs {
  /** M × [B, K]: z^zs of the frozen backbone, scaled as it was pre-trained. */
  readonly zeroShot?: readonly Value[];
  /** M × [K]: estimated pre-training prior P̂_P(y), strictly positive. */
  readonly pretrainPrior?: readonly Value[];
  /** [K], π_S(y) = n_y / N, strictly positive. */
  readonly classPrior?: Value;
}

/**
 * Combines the strata's test logits (M × [B, K]) into class scores [B, K] whose softmax is the prediction. Only a
 * post-hoc recipe is given `inputs`, with what it `needs`; without a base its `logits` are empty.
 */
export type StrataPredict = (
  g: Graph,
  logits: readonly Value[],
  strataPrior: readonly number[],
  inputs?: PostHocInputs,
) => Value;

/** One backbone, one training run per backbone. */
export interface SingleRecipe {
  readonly mode: "single";
  readonly needs: readonly "pretrainPrior"[];
  /**
   * The loss is more than the mean over the samples (weights normalised within the batch, statistics of the batch), so
   * a batch is not split into micro-batches unless the user asks for it.
   */
  readonly wholeBatch?: boolean;
  /** Strata inside the backbone: their source, by plugin name and options, and what predicts from the conditionals. */
  readonly strata?: {
    readonly use: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly predict: StrataPredict;
  };
  /** Scalar loss, averaged over the batch. */
  build(g: Graph, inputs: LossInputs): Value;
}

/** All backbones trained together in one step. */
export interface JointRecipe {
  readonly mode: "joint";
  /** Scalar loss, averaged over the batch. */
  build(g: Graph, inputs: StrataLossInputs): Value;
  readonly predict: StrataPredict;
  /** Raw masses per stratum as the user gave them; uniform when absent. */
  readonly strataWeights?: readonly number[];
}

/** No training of its own: combines trained runs of another loss, or only what the frozen models predict. */
export interface PostHocRecipe {
  readonly mode: "post-hoc";
  /**
   * The loss whose runs are combined, by plugin name and options. Absent: nothing is trained and nothing random, so that
   * there is one cell for all seeds; `needs` then names "zeroShot".
   */
  readonly base?: { readonly use: string; readonly [option: string]: unknown };
  /**
   * The strata of a cell: all backbones ("backbones", the default); one backbone, a cell for each ("one"); or runs of one
   * backbone that differ by seed, a cell for each ("seeds").
   */
  readonly over?: "backbones" | "one" | "seeds";
  /** Runs per cell for `over: "seeds"`, at least 2. Absent: as many as there are backbones, at least 2. */
  readonly runs?: number;
  readonly needs?: readonly PostHocNeed[];
  readonly predict: StrataPredict;
  /** Raw masses per stratum; uniform when absent. */
  readonly strataWeights?: readonly number[];
}

/** How a loss trains and predicts; `mode` tells which it is. */
export type LossRecipe = SingleRecipe | JointRecipe | PostHocRecipe;

/** What a loss says of itself beside its formula; `dualtail check` verifies it. */
export interface LossClaims {
  /** Adding the same number to all logits of a sample changes neither the loss nor the prediction. */
  readonly shiftInvariant?: boolean;
  /** The order of the classes means something (ordinal labels), so that the loss changes when they are renumbered. */
  readonly orderedClasses?: boolean;
}

/** A loss, and how its prediction is made. */
export interface LossPlugin<O = Record<string, unknown>> extends Versioned, LossClaims {
  readonly kind: "loss";
  readonly name: string;
  readonly summary: string;
  readonly options: JsonSchema;
  /**
   * Options that name a plugin of another kind, alone or as `{ use: name, …its options }`, by that kind. They are checked
   * against that plugin's schema and always reach `recipe` in the second form, with its defaults.
   */
  readonly chooses?: Readonly<Record<string, "strata">>;
  /**
   * The recipe at options that were checked, with defaults filled in.
   * @throws DualtailError for options that do not fit each other
   */
  recipe(options: O): LossRecipe;
}

/**
 * Declares a loss over one model by its forward expression alone; the gradient is derived from it. Its graph is refused
 * with a DualtailError where a class has no training image.
 */
export function defineLoss<O>(
  plugin: LossClaims & {
    readonly name: string;
    readonly summary: string;
    readonly options: JsonSchema;
    readonly needs?: readonly "pretrainPrior"[];
    /** See SingleRecipe. */
    readonly wholeBatch?: boolean;
    build(g: Graph, inputs: LossInputs, options: O): Value;
  },
): LossPlugin<O> {
  const { needs = [], wholeBatch = false, build, ...about } = plugin;
  return {
    ...about,
    kind: "loss",
    apiVersion: PLUGIN_API_VERSION,
    recipe: (chosen) => ({
      mode: "single",
      needs,
      wholeBatch,
      build: guarded((g, inputs) => build(g, inputs, chosen)),
    }),
  };
}

type Build = SingleRecipe["build"];

const guarded =
  (build: Build): Build =>
  (g, inputs) => {
    refuseEmptyClasses(inputs.classCounts);
    return build(g, inputs);
  };

/** Priors and weights divide by n_y or take its logarithm, so a class without images is refused, not smoothed. */
function refuseEmptyClasses(counts: readonly number[]): void {
  const empty = [...counts.keys()].filter((k) => !(counts[k]! > 0));
  if (empty.length === 0) return;
  const named = empty.slice(0, 5).join(", ") + (empty.length > 5 ? ", …" : "");
  throw new DualtailError(
    `${empty.length} of ${counts.length} classes have no training image (labels ${named})`,
    { hint: "add at least one image per class, or leave the class out" },
  );
}

/**
 * Declares a loss by its recipe: over several foundation models, trained jointly or combined after training, or over
 * strata inside one.
 */
export function defineStrataLoss<O>(plugin: Omit<LossPlugin<O>, "kind" | "apiVersion">): LossPlugin<O> {
  return {
    ...plugin,
    kind: "loss",
    apiVersion: PLUGIN_API_VERSION,
    recipe: (options) => {
      const recipe = plugin.recipe(options);
      return recipe.mode === "single" ? { ...recipe, build: guarded(recipe.build) } : recipe;
    },
  };
}
