import { argmaxRows, classSpread } from "../../evaluation/index.ts";
import { linearProbe } from "../../training/linear-probe.ts";
import type { ExecutionContext } from "./context.ts";
import type { FeatureSet } from "./measure.ts";

/**
 * Beside KNN, on the same features: accuracy over the test set of a linear probe that is fitted to the validation split
 * (mean per class), and how far test features lie from their class's mean and class means from each other. Of one
 * backbone; nothing for a row over several.
 */
export async function featureQuality(
  { dataset, compile, config }: ExecutionContext,
  sets: readonly FeatureSet[] | undefined,
): Promise<Record<string, number>> {
  const { validation, test, classNames } = dataset;
  const [set] = sets ?? [];
  if (!config.evaluation.knn.enabled || !validation || set === undefined || sets!.length > 1) return {};
  const { bank, queries, width } = set;
  const classes = classNames.length;
  const { within, between } = classSpread(queries, test.labels, classes, width);
  const { rows } = await linearProbe({ features: bank, labels: validation.labels, classes, width }, compile);
  return {
    "test/linear_probe": perClassAccuracy(cosines(queries, rows, width), test.labels, classes),
    "test/within_class_spread": within,
    "test/between_class_spread": between,
  };
}

/** [N, K] products of features [N, width] with unit rows [K, width]; the features' length does not change the order. */
function cosines(features: Float32Array, rows: Float32Array, width: number): Float32Array {
  const [count, classes] = [features.length / width, rows.length / width];
  const out = new Float32Array(count * classes);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < classes; k++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += features[i * width + d]! * rows[k * width + d]!;
      out[i * classes + k] = sum;
    }
  }
  return out;
}

function perClassAccuracy(scores: Float32Array, labels: Int32Array, classes: number): number {
  const predicted = argmaxRows(scores, labels.length, classes);
  const right = new Float64Array(classes);
  const total = new Float64Array(classes);
  labels.forEach((label, i) => {
    total[label]!++;
    if (predicted[i] === label) right[label]!++;
  });
  const tested = Array.from(total.keys()).filter((k) => total[k]! > 0);
  return tested.reduce((sum, k) => sum + right[k]! / total[k]!, 0) / tested.length;
}
