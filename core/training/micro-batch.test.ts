import { describe, expect, it } from "vitest";
import { cachedMicroBatch } from "./micro-batch.ts";

const shape = (imageSize: number, patchSize: number, width: number) => ({
  width,
  layers: 12,
  heads: width / 64,
  mlpWidth: 4 * width,
  patchSize,
  imageSize,
  channels: 3,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
});

describe("the micro-batch that is chosen when the user leaves it open", () => {
  const b16 = shape(224, 16, 768);

  it("divides the batch, also an odd one", () => {
    expect([128, 32, 8, 6, 7].map((batch) => cachedMicroBatch(batch, [b16]))).toEqual([4, 4, 4, 3, 1]);
  });

  it("falls with the size of the hidden layer, and with recomputation", () => {
    expect(cachedMicroBatch(128, [shape(224, 32, 768)])).toBe(16);
    expect(cachedMicroBatch(128, [shape(224, 14, 1024)])).toBe(2);
    expect(cachedMicroBatch(128, [b16], { recompute: true })).toBe(2);
  });

  it("is the whole batch for a small model", () => {
    expect(cachedMicroBatch(128, [shape(24, 6, 128)])).toBe(128);
  });

  it("goes by the largest of several models", () => {
    expect(cachedMicroBatch(32, [shape(24, 6, 128), b16])).toBe(4);
  });
});
