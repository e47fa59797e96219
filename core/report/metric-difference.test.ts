import { beforeEach, describe, expect, it } from "vitest";
import { restartDraws, row } from "../../test/support/made-rows.ts";
import { metricDifference, metricMean } from "./analysis.ts";

beforeEach(restartDraws);

describe("metrics without predictions", () => {
  it("are compared over the seeds in common; a row without a seed goes with any", () => {
    const knn = (loss: string, seeds: readonly (number | undefined)[], value: (seed: number) => number) =>
      row({ loss, seeds, accuracy: () => 0.5, knn: value });
    const a = knn("la", [0, 1, 2], (seed) => 0.5 + seed / 100);
    const b = knn("ce", [1, 2, 3], (seed) => 0.4 + seed / 100);
    expect(metricDifference("test/knn", [a], [b])).toMatchObject({ n: 2, value: expect.closeTo(0.1, 12) });
    const zeroShot = knn("zero-shot", [undefined], () => 0.3);
    expect(metricDifference("test/knn", [a], [zeroShot])).toMatchObject({
      n: 3,
      value: expect.closeTo(0.21, 12),
    });
    expect(metricDifference("test/knn", [zeroShot], [zeroShot])).toEqual({ n: 1, value: 0 });
    expect(metricDifference("test/knn", [a], [knn("x", [7], () => 0)])).toBeUndefined();
    expect(metricDifference("test/none", [a], [b])).toBeUndefined();
    expect(metricMean(a, "test/knn")).toMatchObject({ n: 3, value: expect.closeTo(0.51, 12) });
  });
});
