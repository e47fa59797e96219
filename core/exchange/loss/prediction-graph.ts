import { DualtailError } from "../../errors.ts";
import { createGraph, type FloatType, type Graph, type Value } from "../../graph/index.ts";
import { buildPrediction, perModel, predictionNeeds } from "../../losses/index.ts";
import type { LossRecipe } from "../../plugin-api/index.ts";

/** Class scores of a recipe as a graph: logits and what else it needs → `scores` and `probabilities`, [B, K]. */
export function predictionGraph(
  recipe: LossRecipe,
  {
    batch,
    classes,
    models = 1,
    weights,
    floatType = "float32",
  }: {
    readonly batch: number;
    readonly classes: number;
    readonly models?: number;
    readonly weights?: readonly number[];
    readonly floatType?: FloatType;
  },
): { graph: Graph; outputs: Readonly<Record<string, Value>> } {
  const needs = predictionNeeds(recipe);
  if (recipe.mode === "post-hoc" && recipe.over === "one" && models > 1)
    throw new DualtailError("the prediction is of one model, and there are several");
  const graph = createGraph({ floatType });
  const matrices = (name: string) =>
    perModel(name, models).map((input) => graph.input(input, floatType, [batch, classes]));
  const trained = recipe.mode !== "post-hoc" || recipe.base !== undefined;
  const scores = buildPrediction(graph, recipe, {
    logits: trained ? matrices("logits") : [],
    ...(needs.includes("zeroShot") ? { zeroShot: matrices("zero_shot") } : {}),
    ...(needs.includes("pretrainPrior")
      ? {
          pretrainPrior: perModel("pretrain_prior", models).map((input) =>
            graph.input(input, floatType, [classes]),
          ),
        }
      : {}),
    ...(needs.includes("classPrior") ? { classPrior: graph.input("class_prior", floatType, [classes]) } : {}),
    ...(weights === undefined ? {} : { masses: weights }),
  });
  return { graph, outputs: { scores, probabilities: graph.softmax(scores, -1) } };
}
