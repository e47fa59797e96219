import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { expectParity } from "../../../test/support/parity.ts";
import type { Preprocessor } from "../checkpoint/preprocessor-config.ts";
import { cropsTransform } from "./crops-transform.ts";
import { decodeImage } from "./decode.ts";
import { createRenderer } from "./render.ts";
import { testTransform } from "./test-transform.ts";
import { finishOf, type Transform } from "./transform.ts";

interface Case {
  readonly name: string;
  /** Pillow's, of the opened image. */
  readonly mode: string;
  readonly width: number;
  readonly height: number;
  readonly resize: number;
  readonly side: number;
  readonly rgb?: string;
  readonly grey?: string;
  readonly test: Readonly<Partial<Record<"bicubic" | "bilinear", string>>>;
  readonly train: {
    readonly left: number;
    readonly top: number;
    readonly width: number;
    readonly height: number;
    readonly mirrored: boolean;
    readonly pixels: string;
  };
  readonly fiveCrop?: string;
}

const folder = new URL("../../../test/fixtures/difficult-images/", import.meta.url);
const { reference, cases } = JSON.parse(await readFile(new URL("golden.json", folder), "utf8")) as {
  reference: string;
  cases: Case[];
};

const unpack = (text: string) => new Uint8Array(inflateSync(Buffer.from(text, "base64")));
const source = ({ name }: Case) => ({ kind: "file", path: fileURLToPath(new URL(name, folder)) }) as const;

/** Numbers stay 0 … 255, and planes. */
const preprocessor = (side: number): Preprocessor => ({
  channels: 3,
  imageSize: side,
  resize: { shortestEdge: side },
  crop: { height: side, width: side },
  filter: "bicubic",
  rescale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
});

/** [crops, H, W, C] → [crops, C, H, W] */
function planes(pixels: Uint8Array, side: number): Float32Array {
  const plane = side * side;
  return Float32Array.from({ length: pixels.length }, (_, i) => {
    const [crop, rest] = [Math.floor(i / (3 * plane)), i % (3 * plane)];
    return pixels[crop * 3 * plane + (rest % plane) * 3 + Math.floor(rest / plane)]!;
  });
}

/** At most 1/255 off in the mean and 3/255 anywhere: what the pipeline promises. It is exact, but decoders get updates. */
function expectSame(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  const errors = Array.from(expected, (value, i) => Math.abs(value - actual[i]!));
  expect(errors.reduce((sum, error) => sum + error, 0) / errors.length, `${what}: mean`).toBeLessThanOrEqual(
    1,
  );
  expect(
    errors.reduce((worst, error) => Math.max(worst, error), 0),
    `${what}: largest`,
  ).toBeLessThanOrEqual(3);
  expectParity({ module: "images", what, reference, actual, expected, tolerance: 3 / 255 });
}

describe.each(cases)("$name (Pillow's mode $mode)", (item) => {
  const { width, height, resize, side, train } = item;

  it("is decoded as by exif_transpose and convert", async () => {
    const image = await decodeImage(source(item), 3);
    expect([image.width, image.height]).toEqual([width, height]);
    if (item.rgb) expectSame(`${item.name}: decoded`, image.data, unpack(item.rgb));
    if (item.grey) {
      expectSame(
        `${item.name}: decoded as grey`,
        (await decodeImage(source(item), 1)).data,
        unpack(item.grey),
      );
    }
  });

  it("is transformed as by torchvision", async () => {
    const image = await decodeImage(source(item), 3);
    const run = (transform: Transform, count = 1) => {
      const out = new Float32Array(count * 3 * side * side);
      transform(image, out, Math.random);
      return out;
    };
    for (const filter of ["bicubic", "bilinear"] as const) {
      const expected = item.test[filter];
      if (expected === undefined) continue;
      const options = { shortestEdge: resize, filter, centring: "torchvision" } as const;
      const actual = run(testTransform(preprocessor(side), options));
      expectSame(
        `${item.name}: resize ${resize}, crop ${side}, ${filter}`,
        actual,
        planes(unpack(expected), side),
      );
    }
    if (item.fiveCrop) {
      const transform = cropsTransform(preprocessor(side), {
        crops: "five",
        expand: resize - side,
        filter: "bicubic",
      });
      expectSame(`${item.name}: five crops`, run(transform, 5), planes(unpack(item.fiveCrop), side));
    }
    const { pixels, mirrored, ...box } = train;
    const out = new Float32Array(3 * side * side);
    const placement = { box, width: side, height: side, left: 0, top: 0, mirrored };
    createRenderer(finishOf(preprocessor(side), "bilinear"))(image, [placement], out);
    expectSame(
      `${item.name}: resized crop, ${mirrored ? "mirrored" : "not mirrored"}`,
      out,
      planes(unpack(pixels), side),
    );
  });
});
