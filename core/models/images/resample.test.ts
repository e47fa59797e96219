import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DecodedImage } from "./decoded-image.ts";
import { createScratch, resample } from "./resample.ts";
import { testTransform } from "./test-transform.ts";

interface EncodedImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: string;
}

const golden = JSON.parse(
  await readFile(new URL("../../../test/fixtures/images/golden.json", import.meta.url), "utf8"),
) as {
  resizes: {
    image: EncodedImage;
    box: { left: number; top: number; width: number; height: number };
    width: number;
    height: number;
    results: Record<"bilinear" | "bicubic", string>;
  }[];
  preprocessed: { image: EncodedImage; shortestEdge: number; crop: number; result: string }[];
};

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const decoded = ({ data, ...rest }: EncodedImage): DecodedImage => ({ ...rest, data: bytes(data) });
const whole = (width: number, height: number) => ({ left: 0, top: 0, width, height });

describe("resample", () => {
  const cases = golden.resizes.flatMap((item) =>
    (["bilinear", "bicubic"] as const).map((filter) => ({
      ...item,
      filter,
      title: `${item.box.width}×${item.box.height} → ${item.width}×${item.height}, ${item.image.channels} channels, ${filter}`,
    })),
  );

  it.each(cases)("gives Pillow's pixels: $title", ({ image, box, width, height, filter, results }) => {
    const window = whole(width, height);
    for (const simd of [true, false]) {
      const out = resample(decoded(image), { box, width, height, window, filter }, createScratch({ simd }));
      expect(out).toEqual(bytes(results[filter]));
    }
  });

  it("computes a window as the same part of the whole", () => {
    const side = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(
        fc.record({ width: side, height: side, outWidth: side, outHeight: side, seed: fc.nat() }),
        fc.constantFrom("bilinear" as const, "bicubic" as const),
        fc.tuple(
          fc.double({ min: 0, max: 0.999, noNaN: true }),
          fc.double({ min: 0, max: 0.999, noNaN: true }),
        ),
        ({ width, height, outWidth, outHeight, seed }, filter, [u, v]) => {
          const data = Uint8Array.from({ length: width * height }, (_, i) => (seed * 31 + i * i * 17) % 256);
          const image = { width, height, channels: 1, data } as const;
          const [left, top] = [Math.floor(u * outWidth), Math.floor(v * outHeight)];
          const window = { left, top, width: outWidth - left, height: outHeight - top };
          const options = { box: whole(width, height), width: outWidth, height: outHeight, filter };
          const all = resample(image, { ...options, window: whole(outWidth, outHeight) }, createScratch());
          const part = resample(image, { ...options, window }, createScratch());
          const expected = all.filter((_, i) => i % outWidth >= left && Math.floor(i / outWidth) >= top);
          expect(part).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("testTransform", () => {
  it.each(golden.preprocessed)(
    "is transformers' CLIPImageProcessor: shortest edge $shortestEdge, crop $crop",
    (item) => {
      const { image, shortestEdge, crop, result } = item;
      const transform = testTransform({
        channels: 3,
        imageSize: crop,
        resize: { shortestEdge },
        crop: { height: crop, width: crop },
        filter: "bicubic",
        rescale: 1 / 255,
        mean: [0.48145466, 0.4578275, 0.40821073],
        std: [0.26862954, 0.26130258, 0.27577711],
      });
      const out = new Float32Array(3 * crop * crop);
      transform(decoded(image), out, Math.random);
      const expected = new Float32Array(bytes(result).buffer);
      expect(out.length).toBe(expected.length);
      const worst = Math.max(...out.map((value, i) => Math.abs(value - expected[i]!)));
      expect(worst).toBeLessThan(1e-5);
    },
  );
});
