import { DualtailError } from "../errors.ts";
import type { FloatType } from "../graph/index.ts";
import type { LossPlugin } from "../plugin-api/index.ts";
import type { LossShape } from "./loss-graph.ts";
import { lossProgram } from "./program.ts";
import { type TrainedRecipe, trainedLoss } from "./recipe.ts";

/** Logits and what comes of them: all float32, or all float64. */
export type Floats = Float32Array | Float64Array;

/** What a loss is evaluated on. M models (or strata), B samples, K classes; matrices are row-major. */
export interface LossArrays<A extends Floats = Floats> {
  /** [B, K], or M of them. Their type is the precision of the computation and of the gradients. */
  readonly logits: A | readonly A[];
  /** [B], in [0, K) */
  readonly labels: ArrayLike<number>;
  /** [K] training images per class, each at least 1; gives K. */
  readonly classCounts: ArrayLike<number>;
  /** [K], strictly positive; n_y / N when absent. */
  readonly classPrior?: ArrayLike<number>;
  /** [K] P̂_P of the model, strictly positive, for losses that need it. */
  readonly pretrainPrior?: ArrayLike<number>;
  /** [M] masses of the models, scaled to sum 1; those of the recipe, else uniform, when absent. */
  readonly masses?: readonly number[];
  /** Factor that a cosine head has put on the logits, for losses with margins; 25 when absent. */
  readonly headScale?: number;
}

/** A loss and its gradients by the logits. */
export interface LossResult<A extends Floats = Floats> {
  /** Averaged over the batch, as the loss does. */
  readonly loss: number;
  /** ∂ loss / ∂ logits, M × [B, K]. */
  readonly gradients: readonly A[];
}

/** A loss compiled for one shape. */
export interface CompiledLoss<A extends Floats = Floats> {
  /** What differs from batch to batch. @throws DualtailError for arrays that do not fit */
  evaluate(batch: {
    readonly logits: A | readonly A[];
    readonly labels: ArrayLike<number>;
    readonly classPrior?: ArrayLike<number>;
    readonly pretrainPrior?: ArrayLike<number>;
  }): Promise<LossResult<A>>;
  /** Frees what onnxruntime holds; evaluating afterwards fails. */
  release(): Promise<void>;
}

/**
 * Value and gradients of a recipe on arrays: once, for checks and small things. The graph runs as it was written, without
 * the runtime's rewriting. onnxruntime is loaded by the first call.
 * @throws DualtailError for arrays that do not fit the recipe or each other
 */
export async function evaluateRecipe<A extends Floats>(
  recipe: TrainedRecipe,
  arrays: LossArrays<A>,
): Promise<LossResult<A>> {
  const { logits, labels, classCounts, masses, headScale } = arrays;
  const perModel = listOf(logits);
  const [first] = perModel;
  if (first === undefined) throw new DualtailError("there are no logits");
  const compiled = await compileLoss<A>(recipe, {
    batch: labels.length,
    classes: classCounts.length,
    models: perModel.length,
    classCounts: Array.from(classCounts),
    floatType: floatTypeOf(first),
    ...(masses === undefined ? {} : { masses }),
    ...(headScale === undefined ? {} : { headScale }),
  });
  try {
    return await compiled.evaluate(arrays);
  } finally {
    await compiled.release();
  }
}

/**
 * Value and gradients of a loss on arrays. A loss that combines models after training is taken in the form that is
 * trained, where it has one (see `trainedLoss`).
 *
 *     import { evaluateLoss } from "dualtail/losses";
 *     import { plugin as la } from "dualtail/losses/la";
 *     const { loss, gradients } = await evaluateLoss(la, { tau: 1 }, { logits, labels, classCounts });
 *
 * @throws ConfigError for options that do not fit, DualtailError for arrays that do not fit
 */
export async function evaluateLoss<O, A extends Floats>(
  plugin: LossPlugin<O>,
  options: Partial<O>,
  arrays: LossArrays<A>,
): Promise<LossResult<A>> {
  return evaluateRecipe(trainedLoss(plugin, options).recipe, arrays);
}

/**
 * Compiles a recipe for one shape, to be evaluated many times; the precision is `shape.floatType`.
 * @throws DualtailError for a shape that does not fit the recipe
 */
export async function compileLoss<A extends Floats = Float32Array>(
  recipe: TrainedRecipe,
  shape: LossShape,
): Promise<CompiledLoss<A>> {
  checkShape(shape);
  const { batch, classes, classCounts, models = 1, floatType = "float32" } = shape;
  const program = await lossProgram<A>(recipe, shape);
  const total = classCounts.reduce((sum, count) => sum + count, 0);
  const priorOf = (what: string, prior: ArrayLike<number>) =>
    floatsOf(checkedPrior(what, prior, classes), floatType) as A;
  return {
    async evaluate({ logits, labels, classPrior, pretrainPrior }) {
      const perModel = listOf(logits);
      if (perModel.length !== models)
        throw new DualtailError(`there are logits of ${perModel.length} models, not of ${models}`);
      for (const [m, z] of perModel.entries()) {
        if (floatTypeOf(z) !== floatType) throw new DualtailError(`logits ${m} are not ${floatType}`);
        sized(`logits ${m}`, z, batch * classes, `[${batch}, ${classes}]`);
      }
      const feeds = {
        logits: perModel,
        labels: checkedLabels(labels, batch, classes),
        classPrior: priorOf("classPrior", classPrior ?? classCounts.map((count) => count / total)),
      };
      if (!program.needsPretrainPrior) return program.run(feeds);
      if (pretrainPrior === undefined) {
        throw new DualtailError("the loss needs the pre-training prior of the model", {
          hint: "give pretrainPrior; estimatePretrainPrior of dualtail/analysis estimates it",
        });
      }
      return program.run({ ...feeds, pretrainPrior: priorOf("pretrainPrior", pretrainPrior) });
    },
    release: () => program.release(),
  };
}

const listOf = <A extends Floats>(logits: A | readonly A[]): readonly A[] =>
  ArrayBuffer.isView(logits) ? [logits as A] : (logits as readonly A[]);

const floatTypeOf = (array: Floats): FloatType => (array instanceof Float64Array ? "float64" : "float32");

const floatsOf = (values: ArrayLike<number>, floatType: FloatType): Floats =>
  floatType === "float64" ? Float64Array.from(values) : Float32Array.from(values);

function checkShape({ batch, classes, classCounts }: LossShape): void {
  if (!(batch >= 1))
    throw new DualtailError("there are no labels", { hint: "a batch has at least one sample" });
  sized("classCounts", classCounts, classes, `[${classes}]`);
}

function sized(what: string, { length }: ArrayLike<number>, wanted: number, shape: string): void {
  if (length !== wanted) throw new DualtailError(`${what}: ${length} numbers, not ${shape} = ${wanted}`);
}

function checkedLabels(labels: ArrayLike<number>, batch: number, classes: number): BigInt64Array {
  sized("labels", labels, batch, `[${batch}]`);
  return BigInt64Array.from(Array.from(labels), (label, b) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new DualtailError(`label ${label} of sample ${b} is not a class of 0 … ${classes - 1}`);
    }
    return BigInt(label);
  });
}

function checkedPrior(what: string, prior: ArrayLike<number>, classes: number): ArrayLike<number> {
  sized(what, prior, classes, `[${classes}]`);
  const bad = Array.from(prior).findIndex((share) => !(share > 0 && share < Number.POSITIVE_INFINITY));
  if (bad >= 0) {
    throw new DualtailError(`${what} of class ${bad} is ${prior[bad]}`, {
      hint: "its logarithm is taken: it must be above 0",
    });
  }
  return prior;
}
