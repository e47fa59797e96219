import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { compileResampling } from "../../../scripts/wasm.mts";
import { uniformFrom } from "../../training/random.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { createScratch, type ResampleOptions, resample } from "./resample.ts";
import { createSimdPasses } from "./resample-simd.ts";
import { RESAMPLE_WASM } from "./resample-wasm.ts";
import { webAssembly } from "./webassembly.ts";

type Side = readonly [
  inImage: number,
  box: number,
  offset: number,
  out: number,
  start: number,
  wanted: number,
];

/** A side of an image, a part of it, what that is scaled to, and a part of that. */
const side = (most: number): fc.Arbitrary<Side> =>
  fc
    .tuple(fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: most }), fc.array(unit, share))
    .map(([inImage, out, [a, b, c, d]]) => {
      const box = 1 + Math.floor(a! * inImage);
      const wanted = 1 + Math.floor(c! * out);
      const within = (share: number, space: number) => Math.floor(share * (space + 1));
      return [inImage, box, within(b!, inImage - box), out, within(d!, out - wanted), wanted];
    });
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const share = { minLength: 4, maxLength: 4 };

const filters = fc.constantFrom("bilinear" as const, "bicubic" as const);

/** Noise; `extreme`: black and white only, from which bicubic weights overshoot the most. */
function noise(width: number, height: number, seed: number, extreme: boolean): DecodedImage {
  const uniform = uniformFrom("noise", seed);
  const value = () => (extreme ? 255 * Math.round(uniform()) : Math.floor(256 * uniform()));
  return { width, height, channels: 3, data: Uint8Array.from({ length: width * height * 3 }, value) };
}

function optionsOf(x: Side, y: Side, filter: ResampleOptions["filter"]): ResampleOptions {
  return {
    box: { left: x[2], top: y[2], width: x[1], height: y[1] },
    width: x[3],
    height: y[3],
    window: { left: x[4], top: y[4], width: x[5], height: y[5] },
    filter,
  };
}

describe("resampling by WebAssembly", () => {
  it("is to be had here", () => {
    expect(createSimdPasses()).toBeDefined();
  });

  it.each([
    ["small images", 40, 400],
    // More taps, several bands of rows, memory that grows.
    ["large images", 900, 25],
  ])("gives the pixels of the JavaScript passes, bit for bit: %s", (_, most, numRuns) => {
    // One after another with the same memory, which holds what was there before.
    const [simd, plain] = [createScratch(), createScratch({ simd: false })];
    fc.assert(
      fc.property(side(most), side(most), filters, fc.nat(), fc.boolean(), (x, y, filter, seed, extreme) => {
        const image = noise(x[0], y[0], seed, extreme);
        const options = optionsOf(x, y, filter);
        const expected = resample(image, options, plain);
        const actual = resample(image, options, simd);
        expect(actual.length).toBe(expected.length);
        expect(Buffer.compare(actual, expected)).toBe(0);
      }),
      { numRuns },
    );
  });

  it("reads nothing beyond its memory where a border has fewer taps than others", () => {
    const image = noise(2000, 200, 1, false);
    const x: Side = [2000, 2000, 0, 1999, 0, 1999];
    const y: Side = [200, 200, 0, 3, 2, 1];
    for (const [across, down] of [
      [x, y],
      [y, x],
    ] as const) {
      const options = optionsOf(across, down, "bicubic");
      const turned = { ...image, width: across[0], height: down[0] };
      const expected = resample(turned, options, createScratch({ simd: false }));
      expect(Buffer.compare(resample(turned, options, createScratch()), expected)).toBe(0);
    }
  });

  it("leaves what takes too much memory to JavaScript", () => {
    const [width, height] = [1, 2 ** 19];
    const image = { width, height, channels: 3, data: new Uint8Array(3 * height).fill(9) } as const;
    const box = { left: 0, top: 0, width, height };
    const coefficients = undefined;
    const across = {
      coefficients,
      wanted: { start: 0, length: 1 },
      needed: { start: 0, length: 1 },
      offset: 0,
    };
    const whole = { start: 0, length: 2 ** 27 };
    expect(createSimdPasses()!(image, across, { ...across, wanted: whole, needed: whole })).toBeUndefined();
    const options = { box, width, height: 2, window: { ...box, height: 2 }, filter: "bilinear" } as const;
    expect(resample(image, options, createScratch())).toEqual(new Uint8Array(6).fill(9));
  });

  it("is not asked for where the engine does not take it", async () => {
    vi.spyOn(webAssembly!, "validate").mockReturnValue(false);
    vi.resetModules();
    const fresh = await import("./resample.ts");
    const scratch = fresh.createScratch();
    expect(scratch.simd()).toBeUndefined();
    const options = optionsOf([9, 9, 0, 4, 0, 4], [7, 7, 0, 5, 0, 5], "bicubic");
    const image = noise(9, 7, 0, false);
    expect(fresh.resample(image, options, scratch)).toEqual(resample(image, options, createScratch()));
    vi.restoreAllMocks();
  });

  it("is what wasm/images compiles to", async () => {
    const compiled = Buffer.from(await compileResampling()).toString("base64");
    expect(compiled, "run: npm run wasm").toBe(RESAMPLE_WASM);
  });
});
