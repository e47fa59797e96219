import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { expectParity } from "../../../test/support/parity.ts";
import { CROPS, type CropSet, cropsTransform } from "./crops-transform.ts";

/** Pixels are base64 of uint8. */
interface GoldenCase {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly size: number;
  readonly expand: number;
  readonly crops: CropSet;
  readonly pixels: string;
  readonly expected: string;
}
const { reference, cases } = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/crops/golden.json", import.meta.url), "utf8"),
) as { readonly reference: string; readonly cases: readonly GoldenCase[] };

describe("crops of a test-time ensemble", () => {
  it.each(cases)("$crops of $width × $height, $channels channels, to $size + $expand", (golden) => {
    const { width, height, channels, size, expand, crops } = golden;
    const values = (value: number) => Array<number>(channels).fill(value);
    const transform = cropsTransform(
      {
        channels,
        imageSize: size,
        resize: { shortestEdge: size },
        crop: { width: size, height: size },
        filter: "bicubic",
        rescale: 1,
        mean: values(0),
        std: values(1),
      },
      { crops, expand },
    );
    const expected = Buffer.from(golden.expected, "base64");
    const out = new Float32Array(CROPS[crops] * channels * size * size);
    expect(expected.length).toBe(out.length);
    const data = new Uint8Array(Buffer.from(golden.pixels, "base64"));
    transform({ data, width, height, channels }, out, Math.random);
    expectParity({
      module: "test-time crops",
      what: `${crops} of ${width}×${height}`,
      reference,
      actual: out,
      expected,
      // One grey level.
      tolerance: 1 / 255,
    });
  });
});
