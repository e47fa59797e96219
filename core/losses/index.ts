/**
 * Losses on their own: value and gradients on arrays, or as nodes of a graph. onnxruntime is loaded when the first loss is
 * evaluated. The losses themselves are `dualtail/losses/<name>`, each with the export `plugin`.
 * @module
 */
export { differentiate } from "../autodiff/index.ts";
export {
  buildLoss,
  buildPrediction,
  DEFAULT_HEAD_SCALE,
  isOverOneModel,
  type LossValues,
  normalisedMasses,
  type PredictionValues,
  predictionNeeds,
} from "./build.ts";
export { listLosses } from "./catalogue.ts";
export {
  type CompiledLoss,
  compileLoss,
  evaluateLoss,
  evaluateRecipe,
  type Floats,
  type LossArrays,
  type LossResult,
} from "./evaluate.ts";
export { type LossGraph, type LossShape, lossGraph, perModel } from "./loss-graph.ts";
export { type ChosenLoss, lossRecipe, type TrainedLoss, type TrainedRecipe, trainedLoss } from "./recipe.ts";
