import { describe, expect, it } from "vitest";
import { about, type Broken, failures } from "../../test/support/check-failures.ts";
import { defineBackbone, defineDataset, defineStrata, type Split } from "../plugin-api/index.ts";

describe("strata, data sets and backbones that break", () => {
  const strata = (masses: number[], data: () => number) =>
    defineStrata({
      ...about,
      estimate: async ({ width }) => ({
        masses: Float32Array.from(masses),
        tensors: { t: { shape: [width], data: new Float32Array(width).fill(data()) } },
      }),
      conditionals: (_g, { features, head }) => [{ logits: head(features), mass: 1 }],
    });
  let drawn = 0;
  const images = (labels: readonly number[]): Split => ({
    images: labels.map((_, i) => ({
      kind: "pixels",
      name: `${i}`,
      data: new Uint8Array(4),
      width: 2,
      height: 2,
      channels: 1,
    })),
    labels: Int32Array.from(labels),
  });
  const dataset = (changes: { classNames?: string[]; train?: Split; digest?: () => string }) =>
    defineDataset({
      ...about,
      load: async () => ({
        name: "broken",
        classNames: changes.classNames ?? ["a", "b"],
        train: changes.train ?? images([0, 1]),
        test: images([0, 1]),
        digest: changes.digest?.() ?? "0".repeat(64),
        source: "here",
      }),
    });
  const broken = images([0, 1]);

  it.each<Broken>([
    ["masses", "estimate", strata([0.5, 0.4], () => 1), /masses sum to 0\.9, not 1/],
    ["numbers", "estimate", strata([1], () => Number.NaN), /"t" holds a number that is not finite/],
    ["repeatability", "determinism", strata([1], () => ++drawn), /with the same seed, "t" differs/],
    ["class names", "class names", dataset({ classNames: ["a", "a"] }), /"a" comes twice/],
    ["labels", "labels", dataset({ train: images([0, 1, 2]) }), /image 2 has label 2 of 2 classes/],
    ["classes", "classes have images", dataset({ train: images([0, 0]) }), /no training image: "b"/],
    [
      "images",
      "images decode",
      dataset({ train: { ...broken, images: [{ kind: "file", path: "nowhere.png" }, broken.images[1]!] } }),
      /train image 0 does not decode: .*nowhere\.png/,
    ],
    [
      "the digest",
      "determinism",
      dataset({ digest: () => String(++drawn).padStart(64, "0") }),
      /its digest differs/,
    ],
    [
      "a repository's name",
      "locate",
      defineBackbone({ ...about, locate: () => ({ kind: "hub", repo: "clip", revision: "main" }) }),
      /"owner\/name"/,
    ],
    [
      "a relative folder",
      "locate",
      defineBackbone({ ...about, locate: () => ({ kind: "folder", path: "clip" }) }),
      /use path\.resolve\(baseDir/,
    ],
  ])("%s fails", async (_what, check, plugin, text) => {
    const { checks, text: told } = await failures(plugin);
    expect(checks).toEqual([check]);
    expect(told).toMatch(text);
  });
});
