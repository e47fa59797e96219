import { DualtailError } from "../errors.ts";
import { argmaxRows } from "./argmax.ts";
import { expectedCalibrationError } from "./calibration.ts";
import { crossGroups, GROUPS, type Group } from "./groups.ts";

/** Accuracies stand in for logarithms and reciprocals at no less than this: 0.001 points, the value LIFT's code uses. */
export const ACCURACY_FLOOR = 1e-5;

/** Predictions and labels. N images, K classes. */
export interface EvaluationInput {
  /** [N, K] row-major, any monotone class scores; the prediction is the largest, ties going to the lowest index. */
  readonly scores: Float32Array | Float64Array;
  /** [N], in [0, K) */
  readonly labels: Int32Array;
  readonly classes: number;
  /** [N, K] row-major; only ECE uses it, which is undefined without (see `softmaxRows`). */
  readonly probabilities?: Float32Array | Float64Array;
  /** [K] each; groups that are absent leave their metrics undefined. */
  readonly downstream?: readonly Group[];
  readonly pretrain?: readonly Group[];
}

/** Accuracies in [0, 1]; undefined where there is no class, or none with a test image, to average over. */
export type GroupAccuracy = Readonly<Record<Group, number | undefined>>;

/** All accuracies and rates in [0, 1]. */
export interface Metrics {
  readonly images: number;
  /** [K]; NaN for a class without test images, which no mean below includes. */
  readonly perClass: Float64Array;
  /** [K] test images per class. */
  readonly testCounts: Int32Array;
  /** Classes without test images. */
  readonly untested: readonly number[];
  /** Mean per-class accuracy. */
  readonly overall: number;
  /** Share of images predicted correctly. */
  readonly micro: number;
  /** Mean F1 over tested classes; a class never predicted correctly has F1 0. */
  readonly macroF1: number;
  readonly worstClass: number;
  /** Harmonic and geometric mean of per-class accuracy, accuracies below ACCURACY_FLOOR counted as ACCURACY_FLOOR. */
  readonly harmonicMean: number;
  readonly geometricMean: number;
  readonly ece?: number;
  readonly downstream?: GroupAccuracy;
  readonly pretrain?: GroupAccuracy;
  /** `crossing[d][p]`, in the order of `GROUPS`. */
  readonly crossing?: readonly (readonly (number | undefined)[])[];
  /** D-Few ∩ P-Few. */
  readonly dualTail?: number;
  /** KNN accuracy of the features (`knnAccuracy`), set by whoever has features. */
  readonly knn?: number;
}

/**
 * Everything that a row reports and that follows from scores and labels alone.
 *
 * @throws DualtailError for shapes that do not fit, labels out of range, NaN scores, no test image at all.
 */
export function evaluate(input: EvaluationInput): Metrics {
  const { scores, labels, classes: K, downstream, pretrain } = input;
  check(input);
  const N = labels.length;
  const predicted = argmaxRows(scores, N, K);
  const testCounts = new Int32Array(K);
  const predictedCounts = new Int32Array(K);
  const right = new Int32Array(K);
  for (let i = 0; i < N; i++) {
    const y = labels[i]!;
    testCounts[y]!++;
    predictedCounts[predicted[i]!]!++;
    if (predicted[i] === y) right[y]!++;
  }
  const perClass = Float64Array.from(right, (r, k) => (testCounts[k] ? r / testCounts[k]! : Number.NaN));
  const all = Array.from(perClass.keys());
  const tested = all.filter((k) => testCounts[k]! > 0);
  const accuracy = tested.map((k) => perClass[k]!);
  const floored = accuracy.map((a) => Math.max(a, ACCURACY_FLOOR));
  const cells = downstream && pretrain ? crossGroups(downstream, pretrain) : undefined;
  const crossing = cells?.map((row) => row.map((classes) => meanOver(perClass, classes)));

  return {
    images: N,
    perClass,
    testCounts,
    untested: all.filter((k) => testCounts[k] === 0),
    overall: mean(accuracy),
    micro: right.reduce((a, b) => a + b, 0) / N,
    macroF1: mean(tested.map((k) => (2 * right[k]!) / (testCounts[k]! + predictedCounts[k]!))),
    worstClass: accuracy.reduce((a, b) => Math.min(a, b)),
    harmonicMean: 1 / mean(floored.map((a) => 1 / a)),
    geometricMean: Math.exp(mean(floored.map(Math.log))),
    ece: input.probabilities && expectedCalibrationError(input.probabilities, labels, K),
    downstream: downstream && byGroup(perClass, downstream),
    pretrain: pretrain && byGroup(perClass, pretrain),
    crossing,
    dualTail: crossing?.[2]?.[2],
  };
}

/** Mean of per-class accuracy over the classes that were tested; undefined when there is none. */
export function meanOver(perClass: Float64Array, classes: readonly number[]): number | undefined {
  const values = classes.map((k) => perClass[k]!).filter((a) => !Number.isNaN(a));
  return values.length === 0 ? undefined : mean(values);
}

function byGroup(perClass: Float64Array, groups: readonly Group[]): GroupAccuracy {
  const of = (group: Group) =>
    meanOver(
      perClass,
      groups.flatMap((g, k) => (g === group ? [k] : [])),
    );
  return { many: of(GROUPS[0]), medium: of(GROUPS[1]), few: of(GROUPS[2]) };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function check({ scores, labels, classes: K, probabilities, downstream, pretrain }: EvaluationInput): void {
  const N = labels.length;
  const fail = (problem: string) => {
    throw new DualtailError(`evaluation: ${problem}`);
  };
  if (N === 0) fail("the test set has no images");
  if (scores.length !== N * K) fail(`${scores.length} scores for ${N} images and ${K} classes`);
  if (probabilities && probabilities.length !== N * K) {
    fail(`${probabilities.length} probabilities for ${N} images and ${K} classes`);
  }
  if (downstream && downstream.length !== K) fail(`D-groups for ${downstream.length} of ${K} classes`);
  if (pretrain && pretrain.length !== K) fail(`P-groups for ${pretrain.length} of ${K} classes`);
  for (let i = 0; i < N; i++) {
    const y = labels[i]!;
    if (!(y >= 0 && y < K)) fail(`test image ${i} has label ${y}, outside [0, ${K})`);
  }
  const broken = scores.findIndex((score) => Number.isNaN(score));
  if (broken >= 0) fail(`the score of test image ${Math.floor(broken / K)}, class ${broken % K} is NaN`);
}
