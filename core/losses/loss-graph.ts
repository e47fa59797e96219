import { differentiate } from "../autodiff/index.ts";
import { createGraph, type FloatType, type Graph, type Value } from "../graph/index.ts";
import { buildLoss } from "./build.ts";
import type { TrainedRecipe } from "./recipe.ts";

/** Sizes and plain numbers of a loss graph. */
export interface LossShape {
  /** B */
  readonly batch: number;
  /** K */
  readonly classes: number;
  /** M, 1 when absent */
  readonly models?: number;
  /** [K] training images per class. */
  readonly classCounts: readonly number[];
  /** [M] */
  readonly masses?: readonly number[];
  /** 25 when absent */
  readonly headScale?: number;
  /** Precision of logits, priors, loss and gradients; float32 when absent. */
  readonly floatType?: FloatType;
}

/** A loss and its gradients as a graph. */
export interface LossGraph {
  readonly graph: Graph;
  readonly inputs: {
    /** M × [B, K]: `logits` for one model, else `logits_0`, `logits_1`, … */
    readonly logits: readonly Value[];
    /** [B] int64: `labels` */
    readonly labels: Value;
    /** [K], `class_prior` */
    readonly classPrior: Value;
    /** [K], `pretrain_prior`, where the loss needs it */
    readonly pretrainPrior?: Value;
  };
  /** Scalar. */
  readonly loss: Value;
  /** ∂ loss / ∂ logits, M × [B, K]. */
  readonly gradients: readonly Value[];
}

/** `logits` for one model, `logits_0`, `logits_1`, … for several. */
export const perModel = (name: string, models: number): string[] =>
  models === 1 ? [name] : Array.from({ length: models }, (_, m) => `${name}_${m}`);

/**
 * The value of a loss and its gradients with respect to the logits, as a graph of its own.
 * @throws DualtailError for a shape that does not fit the recipe
 */
export function lossGraph(recipe: TrainedRecipe, shape: LossShape): LossGraph {
  const { batch, classes, models = 1, classCounts, masses, headScale, floatType = "float32" } = shape;
  const graph = createGraph({ floatType });
  const logits = perModel("logits", models).map((name) => graph.input(name, floatType, [batch, classes]));
  const labels = graph.input("labels", "int64", [batch]);
  const classPrior = graph.input("class_prior", floatType, [classes]);
  const needsPrior = recipe.mode === "single" && recipe.needs.includes("pretrainPrior");
  const pretrainPrior = needsPrior ? graph.input("pretrain_prior", floatType, [classes]) : undefined;
  const given = pretrainPrior === undefined ? {} : { pretrainPrior };
  const loss = buildLoss(graph, recipe, {
    logits,
    labels,
    classPrior,
    ...given,
    classCounts,
    ...(masses === undefined ? {} : { masses }),
    ...(headScale === undefined ? {} : { headScale }),
  });
  const gradients = differentiate(graph, loss, logits);
  return { graph, inputs: { logits, labels, classPrior, ...given }, loss, gradients };
}
