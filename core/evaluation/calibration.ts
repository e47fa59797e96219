import { DualtailError } from "../errors.ts";
import { argmaxRows } from "./argmax.ts";

/**
 * Expected calibration error (Guo et al., 2017): images are binned by the probability of their prediction into `bins`
 * equal intervals (b/bins, (b+1)/bins]; the mean over images of |accuracy − mean confidence| of their bin.
 *
 * @param probabilities [N, K] row-major, rows summing to 1
 * @returns in [0, 1]
 * @throws DualtailError where a confidence is not in [0, 1]
 */
export function expectedCalibrationError(
  probabilities: Float32Array | Float64Array,
  labels: Int32Array,
  classes: number,
  bins = 15,
): number {
  const N = labels.length;
  const predicted = argmaxRows(probabilities, N, classes);
  // Per bin, Σ (correct − confidence): its absolute value over N is the bin's share of the error.
  const excess = new Float64Array(bins);
  for (let i = 0; i < N; i++) {
    const confidence = probabilities[i * classes + predicted[i]!]!;
    if (!(confidence >= 0 && confidence <= 1 + 1e-6)) {
      throw new DualtailError(`calibration: test image ${i} is predicted with probability ${confidence}`, {
        hint: "pass probabilities, e.g. softmaxRows(logits, classes)",
      });
    }
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
    excess[bin]! += (predicted[i] === labels[i] ? 1 : 0) - confidence;
  }
  return excess.reduce((sum, e) => sum + Math.abs(e), 0) / N;
}

/** Softmax of every row of [N, K] logits. */
export function softmaxRows(logits: Float32Array | Float64Array, classes: number): Float64Array {
  const out = new Float64Array(logits.length);
  for (let at = 0; at < logits.length; at += classes) {
    let max = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) max = Math.max(max, logits[at + k]!);
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const e = Math.exp(logits[at + k]! - max);
      out[at + k] = e;
      sum += e;
    }
    for (let k = 0; k < classes; k++) out[at + k]! /= sum;
  }
  return out;
}
