import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ACCURACY_FLOOR, evaluate, expectedCalibrationError, metricsToRecord, softmaxRows } from "./index.ts";

/** One-hot scores for the given predictions. */
function predictions(predicted: readonly number[], K: number): Float32Array {
  const scores = new Float32Array(predicted.length * K);
  predicted.forEach((k, i) => {
    scores[i * K + k] = 1;
  });
  return scores;
}

describe("evaluate", () => {
  // Class 0: 2 of 4 right; class 1: 1 of 1; class 2: 0 of 2; class 3 untested.
  const labels = Int32Array.of(0, 0, 0, 0, 1, 2, 2);
  const scores = predictions([0, 0, 1, 3, 1, 1, 0], 4);
  const metrics = evaluate({
    scores,
    labels,
    classes: 4,
    downstream: ["many", "medium", "few", "few"],
    pretrain: ["many", "few", "few", "medium"],
  });

  it("averages per-class accuracy over tested classes only", () => {
    expect(Array.from(metrics.perClass)).toEqual([0.5, 1, 0, Number.NaN]);
    expect(metrics.untested).toEqual([3]);
    expect(metrics.overall).toBeCloseTo(0.5, 12);
    expect(metrics.micro).toBeCloseTo(3 / 7, 12);
    expect(metrics.worstClass).toBe(0);
  });

  it("computes F1, harmonic and geometric mean by hand", () => {
    // F1: class 0 2·2/(4+3), class 1 2·1/(1+3), class 2 0.
    expect(metrics.macroF1).toBeCloseTo((4 / 7 + 2 / 4 + 0) / 3, 12);
    expect(metrics.harmonicMean).toBeCloseTo(3 / (1 / 0.5 + 1 + 1 / ACCURACY_FLOOR), 12);
    expect(metrics.geometricMean).toBeCloseTo(Math.cbrt(0.5 * 1 * ACCURACY_FLOOR), 12);
  });

  it("leaves groups without a tested class undefined, and out of the record", () => {
    expect(metrics.downstream).toEqual({ many: 0.5, medium: 1, few: 0 });
    expect(metrics.pretrain).toEqual({ many: 0.5, medium: undefined, few: 0.5 });
    expect(metrics.crossing).toEqual([
      [0.5, undefined, undefined],
      [undefined, undefined, 1],
      [undefined, undefined, 0],
    ]);
    expect(metricsToRecord(metrics)).toEqual({
      "test/overall": metrics.overall,
      "test/micro": metrics.micro,
      "test/macro_f1": metrics.macroF1,
      "test/worst_class": 0,
      "test/harmonic_mean": metrics.harmonicMean,
      "test/geometric_mean": metrics.geometricMean,
      "test/d_many": 0.5,
      "test/d_medium": 1,
      "test/d_few": 0,
      "test/p_many": 0.5,
      "test/p_few": 0.5,
      "test/d_many_p_many": 0.5,
      "test/d_medium_p_few": 1,
      "test/d_few_p_few": 0,
      "test/dual_tail": 0,
    });
    expect(metricsToRecord({ ...metrics, knn: 0.25 }, "val")["val/knn"]).toBe(0.25);
  });

  it("gives ties to the lowest class index", () => {
    const tied = evaluate({ scores: new Float32Array(4), labels: Int32Array.of(0, 1), classes: 2 });
    expect(Array.from(tied.perClass)).toEqual([1, 0]);
  });

  it("depends on scores only through their order, and bounds its means", () => {
    const logits = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(logits, fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }), (values, ys) => {
        const input = { labels: Int32Array.from(ys), classes: 3 };
        const a = evaluate({ ...input, scores: Float64Array.from(values) });
        const b = evaluate({ ...input, scores: Float64Array.from(values, (z) => 4 * z) });
        expect(b.perClass).toEqual(a.perClass);
        expect(a.worstClass).toBeLessThanOrEqual(a.overall);
        expect(a.geometricMean).toBeLessThanOrEqual(Math.max(a.overall, ACCURACY_FLOOR) + 1e-12);
        expect(a.harmonicMean).toBeLessThanOrEqual(a.geometricMean + 1e-12);
      }),
      { seed: 3 },
    );
  });

  it("refuses NaN scores, naming the image, and shapes that do not fit", () => {
    const broken = scores.slice();
    broken[9] = Number.NaN;
    expect(() => evaluate({ scores: broken, labels, classes: 4 })).toThrow(/image 2, class 1 is NaN/);
    expect(() => evaluate({ scores, labels, classes: 3 })).toThrow(/28 scores for 7 images and 3 classes/);
    expect(() => evaluate({ scores, labels: labels.map((y) => y + 3), classes: 4 })).toThrow(
      /image 4 has label 4/,
    );
  });
});

describe("expectedCalibrationError", () => {
  it("is the weighted gap between accuracy and confidence", () => {
    // Two images at 0.9 (one right), one at 0.6 (right): |1 − 1.8|/3 + |1 − 0.6|/3.
    const probabilities = Float64Array.of(0.9, 0.1, 0.1, 0.9, 0.6, 0.4);
    expect(expectedCalibrationError(probabilities, Int32Array.of(0, 0, 0), 2)).toBeCloseTo(1.2 / 3, 12);
  });

  it("is zero for a certain and correct model, one for a certain and wrong one", () => {
    const certain = softmaxRows(Float64Array.of(1e4, 0, 0, 1e4), 2);
    expect(expectedCalibrationError(certain, Int32Array.of(0, 1), 2)).toBe(0);
    expect(expectedCalibrationError(certain, Int32Array.of(1, 0), 2)).toBe(1);
  });

  it("refuses logits", () => {
    expect(() => expectedCalibrationError(Float64Array.of(3, 1), Int32Array.of(0), 2)).toThrow(
      /probability 3/,
    );
  });
});
