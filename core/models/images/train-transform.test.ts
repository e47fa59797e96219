import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { uniformFrom } from "../../training/random.ts";
import type { Preprocessor } from "../checkpoint/preprocessor-config.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { testTransform } from "./test-transform.ts";
import { trainTransform } from "./train-transform.ts";

const preprocessor = (imageSize: number, channels: 1 | 3 = 1): Preprocessor => ({
  channels,
  imageSize,
  resize: { shortestEdge: imageSize },
  crop: { height: imageSize, width: imageSize },
  filter: "bicubic",
  rescale: 1,
  mean: Array.from({ length: channels }, () => 0),
  std: Array.from({ length: channels }, () => 1),
});

/** Value = column + 10 · row. */
const grid = (width: number, height: number): DecodedImage => ({
  width,
  height,
  channels: 1,
  data: Uint8Array.from({ length: width * height }, (_, i) => (i % width) + 10 * Math.floor(i / width)),
});

/** Gives these numbers one after another. */
function sequence(...values: number[]): () => number {
  return () => {
    const next = values.shift();
    if (next === undefined) throw new Error("asked for too many numbers");
    return next;
  };
}

describe("trainTransform", () => {
  const whole = { scale: [1, 1], ratio: [1, 1] } as const;

  it("keeps the whole image when told to, and flips it", () => {
    const image = grid(4, 4);
    const out = new Float32Array(16);
    const transform = trainTransform(preprocessor(4), { ...whole, flip: 0.5 });
    // area, ratio, top, left, flip
    transform(image, out, sequence(0, 0, 0, 0, 0.9));
    expect([...out]).toEqual([...image.data]);
    transform(image, out, sequence(0, 0, 0, 0, 0.1));
    expect([...out.subarray(0, 4)]).toEqual([3, 2, 1, 0]);
    expect([...out.subarray(12)]).toEqual([33, 32, 31, 30]);
  });

  it("cuts the box that was drawn", () => {
    const out = new Float32Array(4);
    const transform = trainTransform(preprocessor(2), { scale: [0.25, 0.25], ratio: [1, 1], flip: 0 });
    // 2 × 2 of 4 × 4: three places each way; the last row and the middle column.
    transform(grid(4, 4), out, sequence(0, 0, 0.99, 0.5, 0));
    expect([...out]).toEqual([21, 22, 31, 32]);
  });

  it("falls back to the largest centred crop within the ratios", () => {
    const out = new Float32Array(4);
    const transform = trainTransform(preprocessor(2), { scale: [1, 1], ratio: [1, 1], flip: 0 });
    // A square of the whole area never fits into 6 × 2.
    transform(grid(6, 2), out, sequence(...Array.from({ length: 21 }, () => 0)));
    expect([...out]).toEqual([2, 3, 12, 13]);
  });

  it("draws area, ratio and place as torchvision does: boxes inside, within the bounds", () => {
    const seen = { areas: [] as number[], lefts: [] as number[] };
    const side = 32;
    // Columns count up, rows are equal: first and last value tell where the box is.
    const image = {
      width: side,
      height: side,
      channels: 1,
      data: Uint8Array.from({ length: side * side }, (_, i) => 4 * (i % side)),
    } as const;
    const out = new Float32Array(64 * 64);
    const transform = trainTransform(preprocessor(64), { flip: 0 });
    const uniform = uniformFrom("boxes");
    for (let i = 0; i < 2000; i++) {
      transform(image, out, uniform);
      const [left, right] = [out[0]! / 4, out[63]! / 4];
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThanOrEqual(side - 1);
      seen.areas.push((right - left + 1) ** 2 / side ** 2);
      seen.lefts.push(left);
    }
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    // The mean of width² / side² that torchvision's get_params has in the long run, simulated apart: 0.496.
    expect(Math.abs(mean(seen.areas) - 0.496)).toBeLessThan(0.02);
    expect(Math.min(...seen.areas)).toBeLessThan(0.15);
    expect(Math.max(...seen.lefts)).toBeGreaterThan(15);
  });

  it("gives the same for the same random numbers, whatever it did before", () => {
    const image = { ...grid(20, 15), data: Uint8Array.from({ length: 300 }, (_, i) => (i * 37) % 256) };
    const transform = trainTransform(preprocessor(8));
    const run = (seed: number) => {
      const out = new Float32Array(64);
      transform(image, out, uniformFrom(seed));
      return out;
    };
    const first = run(1);
    expect(run(2)).not.toEqual(first);
    expect(run(1)).toEqual(first);
  });
});

describe("testTransform", () => {
  it("normalises a picture of the right size and changes nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 48, maxLength: 48 }), (data) => {
        const transform = testTransform({
          ...preprocessor(4, 3),
          rescale: 1 / 255,
          mean: [0.5, 0.4, 0.3],
          std: [0.2, 0.3, 0.4],
        });
        const out = new Float32Array(48);
        transform({ data, width: 4, height: 4, channels: 3 }, out, Math.random);
        const [mean, std] = [
          [0.5, 0.4, 0.3],
          [0.2, 0.3, 0.4],
        ];
        for (let i = 0; i < 16; i++) {
          for (let c = 0; c < 3; c++)
            expect(out[c * 16 + i]).toBeCloseTo((data[i * 3 + c]! / 255 - mean[c]!) / std[c]!, 5);
        }
      }),
    );
  });

  it("fills up with black where the crop is larger than the image", () => {
    const out = new Float32Array(16);
    testTransform({ ...preprocessor(4), resize: undefined })(
      { ...grid(2, 2), data: Uint8Array.of(1, 2, 3, 4) },
      out,
      Math.random,
    );
    expect([...out]).toEqual([0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0]);
  });

  it("says so when the preprocessing does not give the tower's size", () => {
    const transform = testTransform({ ...preprocessor(4), crop: undefined });
    expect(() => transform(grid(6, 4), new Float32Array(16), Math.random)).toThrow(
      /makes 6×4 pixels of an image of 6×4, but the tower takes 4×4/,
    );
  });
});
