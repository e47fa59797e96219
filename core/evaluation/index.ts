/**
 * What is known of predictions: accuracy by groups of classes, calibration, estimated priors, and statistics over seeds and
 * images. Plain functions on typed arrays; onnxruntime is not needed.
 * @module
 */

export { argmaxRows } from "./argmax.ts";
export { expectedCalibrationError, softmaxRows } from "./calibration.ts";
export { klDivergence, pearson, spearman } from "./correlation.ts";
export {
  crossGroups,
  DEFAULT_THRESHOLDS,
  downstreamGroups,
  dualTail,
  GROUPS,
  type Group,
  groupSizes,
  pretrainGroups,
  type Thresholds,
} from "./groups.ts";
export { type BlockProduct, type KnnInput, type KnnResult, knnAccuracy } from "./knn.ts";
export {
  ACCURACY_FLOOR,
  type EvaluationInput,
  evaluate,
  type GroupAccuracy,
  type Metrics,
} from "./metrics.ts";
export * from "./prior/index.ts";
export { metricsToRecord } from "./record.ts";
export { type ClassSpread, classSpread } from "./spread.ts";
export * from "./statistics/index.ts";
