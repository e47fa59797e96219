import { argmaxRows } from "../argmax.ts";

export interface TemperatureFit {
  readonly temperature: number;
  /** Mean over images of the largest softmax probability at that temperature. */
  readonly confidence: number;
  /** Share of images whose largest logit is the true class's. */
  readonly accuracy: number;
  /** False when no temperature in the range makes confidence equal accuracy; the nearest end is returned. */
  readonly reached: boolean;
}

/**
 * GLA's calibration rule: the temperature in [range] at which mean max-probability equals accuracy. Confidence falls
 * monotonically with T, so the rule is a bisection (in log T).
 *
 * @param logits [N, K] row-major, finite
 * @param tolerance accepted |confidence − accuracy| (0.001 = 0.1 point); the search goes on to a hundredth of it, so that
 *   the result does not depend on where the bisection happens to stop
 */
export function fitTemperature(
  logits: Float32Array | Float64Array,
  labels: Int32Array,
  classes: number,
  options: { readonly range: readonly [number, number]; readonly tolerance: number },
): TemperatureFit {
  const accuracy = argmaxAccuracy(logits, labels, classes);
  const { range, tolerance } = options;
  let [low, high] = range;
  const done = (temperature: number, confidence: number): TemperatureFit => ({
    temperature,
    confidence,
    accuracy,
    reached: Math.abs(confidence - accuracy) <= tolerance,
  });

  const atLow = meanConfidence(logits, labels.length, classes, low);
  if (atLow <= accuracy) return done(low, atLow);
  const atHigh = meanConfidence(logits, labels.length, classes, high);
  if (atHigh >= accuracy) return done(high, atHigh);

  let middle = Math.sqrt(low * high);
  let confidence = meanConfidence(logits, labels.length, classes, middle);
  for (let step = 0; step < 50 && Math.abs(confidence - accuracy) > tolerance / 100; step++) {
    if (confidence > accuracy) low = middle;
    else high = middle;
    middle = Math.sqrt(low * high);
    confidence = meanConfidence(logits, labels.length, classes, middle);
  }
  return done(middle, confidence);
}

function meanConfidence(
  logits: Float32Array | Float64Array,
  N: number,
  K: number,
  temperature: number,
): number {
  let total = 0;
  for (let i = 0; i < N; i++) {
    const at = i * K;
    let max = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < K; k++) max = Math.max(max, logits[at + k]!);
    let sum = 0;
    for (let k = 0; k < K; k++) sum += Math.exp((logits[at + k]! - max) / temperature);
    total += 1 / sum;
  }
  return total / N;
}

function argmaxAccuracy(logits: Float32Array | Float64Array, labels: Int32Array, K: number): number {
  const predicted = argmaxRows(logits, labels.length, K);
  return labels.reduce((right, y, i) => right + (predicted[i] === y ? 1 : 0), 0) / labels.length;
}
