import { DualtailError } from "../errors.ts";
import type { Graph, Value } from "../graph/index.ts";
import type { LossRecipe, PostHocNeed } from "../plugin-api/index.ts";
import type { TrainedRecipe } from "./recipe.ts";

/** Factor of a cosine head where none is given: the configuration's default `head.scale`. */
export const DEFAULT_HEAD_SCALE = 25;

/** What a loss is made of, as values of a graph. M models (or strata), B samples, K classes. */
export interface LossValues {
  /** M × [B, K], float; one for a loss over one model. */
  readonly logits: readonly Value[];
  /** [B], int64, in [0, K) */
  readonly labels: Value;
  /** [K], float, strictly positive, summing to 1: n_y / N */
  readonly classPrior: Value;
  /** [K] training images per class, each at least 1: plain numbers. */
  readonly classCounts: readonly number[];
  /** [K], float, strictly positive: P̂_P of the model, for losses that need it. */
  readonly pretrainPrior?: Value;
  /** [M] masses, not necessarily summing to 1; those of the recipe, else uniform, when absent. */
  readonly masses?: readonly number[];
  /** `head.scale`, 25 when absent. */
  readonly headScale?: number;
}

/** What a combination after training is made of, beside the logits; per model where it says M. */
export interface PredictionValues {
  /** M × [B, K], float; empty for a prediction of the frozen models alone. */
  readonly logits: readonly Value[];
  /** M × [B, K] */
  readonly zeroShot?: readonly Value[];
  /** M × [K] */
  readonly pretrainPrior?: readonly Value[];
  /** [K] */
  readonly classPrior?: Value;
  readonly masses?: readonly number[];
}

/** Whether a recipe is over one model, so that it takes logits of one and no masses. */
export const isOverOneModel = (recipe: LossRecipe): boolean =>
  recipe.mode === "single" && recipe.strata === undefined;

/**
 * Masses that sum to 1: the given ones, else the recipe's, else uniform.
 * @throws DualtailError for another number of them, or one that is not above 0
 */
export function normalisedMasses(recipe: LossRecipe, models: number, given?: readonly number[]): number[] {
  const raw =
    given ?? ("strataWeights" in recipe ? recipe.strataWeights : undefined) ?? Array<number>(models).fill(1);
  if (raw.length !== models) {
    throw new DualtailError(`${raw.length} weights for ${models} models`, { hint: "give one per model" });
  }
  const total = raw.reduce((sum, mass) => sum + mass, 0);
  if (!raw.every((mass) => mass > 0) || !Number.isFinite(total)) {
    throw new DualtailError(`weights must be finite and above 0, got ${raw.join(", ")}`);
  }
  return raw.map((mass) => mass / total);
}

/**
 * Appends a loss to a graph: a scalar, averaged over the batch as the recipe does. Its gradients come from
 * `differentiate`.
 * @throws DualtailError for logits that do not fit the recipe, ShapeError for shapes that do not fit each other
 */
export function buildLoss(g: Graph, recipe: TrainedRecipe, values: LossValues): Value {
  const { logits, labels, classPrior, classCounts, pretrainPrior, headScale = DEFAULT_HEAD_SCALE } = values;
  const [first] = logits;
  if (first === undefined) throw new DualtailError("a loss needs the logits of at least one model");
  if (isOverOneModel(recipe) && logits.length > 1) {
    throw new DualtailError(`the loss is over one model, and there are logits of ${logits.length}`, {
      hint: "use it once per model",
    });
  }
  const masses = normalisedMasses(recipe, logits.length, values.masses);
  if (recipe.mode === "joint") return recipe.build(g, { logits, labels, classPrior, strataPrior: masses });
  if (recipe.needs.includes("pretrainPrior") && pretrainPrior === undefined) {
    throw new DualtailError("the loss needs the pre-training prior of the model", {
      hint: "estimatePretrainPrior of dualtail/analysis estimates it",
    });
  }
  const { strata } = recipe;
  return recipe.build(g, {
    logits: strata ? strata.predict(g, logits, masses) : first,
    ...(strata ? { strata: logits.map((z, m) => ({ logits: z, mass: masses[m]! })) } : {}),
    labels,
    classPrior,
    classCounts,
    headScale,
    ...(pretrainPrior === undefined ? {} : { pretrainPrior }),
  });
}

/** What a recipe's prediction needs beside logits. */
export const predictionNeeds = (recipe: LossRecipe): readonly PostHocNeed[] =>
  (recipe.mode === "post-hoc" && recipe.needs) || [];

/**
 * Appends class scores [B, K], whose softmax is the prediction of a recipe. A loss over one model predicts with its logits.
 * @throws DualtailError when something that the recipe needs is missing
 */
export function buildPrediction(g: Graph, recipe: LossRecipe, values: PredictionValues): Value {
  for (const need of predictionNeeds(recipe)) {
    if (values[need] === undefined) throw new DualtailError(`the prediction needs ${need}`);
  }
  const models = Math.max(values.logits.length, values.zeroShot?.length ?? 0);
  const masses = normalisedMasses(recipe, models, values.masses);
  const { logits, zeroShot, pretrainPrior, classPrior } = values;
  if (recipe.mode === "single") return recipe.strata ? recipe.strata.predict(g, logits, masses) : logits[0]!;
  if (recipe.mode === "joint") return recipe.predict(g, logits, masses);
  const inputs = { zeroShot, pretrainPrior, classPrior };
  const needed = Object.fromEntries(predictionNeeds(recipe).map((need) => [need, inputs[need]]));
  return recipe.predict(g, logits, masses, needed);
}
