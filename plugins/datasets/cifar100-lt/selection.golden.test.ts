import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { expectParity } from "../../../test/support/parity.ts";
import { legacyShuffle } from "./legacy-shuffle.ts";
import { publishedCounts, selectRecords } from "./select.ts";

interface Golden {
  readonly numpy: string;
  readonly splits: readonly {
    readonly imbalanceRatio: number;
    readonly images: number;
    readonly counts: readonly number[];
    readonly first: readonly number[];
    readonly last: readonly number[];
    readonly sha256: string;
  }[];
  readonly shuffles: readonly { readonly seed: number; readonly shuffled: readonly (readonly number[])[] }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/cifar100-lt/selection.json", import.meta.url), "utf8"),
);
const reference = `numpy ${golden.numpy}`;
/** As in scripts/fixtures/cifar100-lt.py. */
const labels = Int32Array.from({ length: 50_000 }, (_, i) => (37 * i + 11 * Math.floor(i / 100)) % 100);

test.each(golden.splits)("the records kept at IR $imbalanceRatio", (split) => {
  const { imbalanceRatio, counts, first, last } = split;
  const kept = selectRecords(labels, publishedCounts(100, 500, imbalanceRatio));
  expect(kept).toHaveLength(split.images);
  expectParity({
    module: "cifar100-lt",
    what: `images per class, IR ${imbalanceRatio}`,
    reference,
    actual: publishedCounts(100, 500, imbalanceRatio),
    expected: counts,
    tolerance: 0,
  });
  expectParity({
    module: "cifar100-lt",
    what: `records kept, IR ${imbalanceRatio}`,
    reference,
    actual: [...kept.subarray(0, 8), ...kept.subarray(-8)],
    expected: [...first, ...last],
    tolerance: 0,
  });
  expect(createHash("sha256").update(new Uint8Array(kept.buffer)).digest("hex")).toBe(split.sha256);
});

test("the published sizes", () => {
  expect(golden.splits.map(({ imbalanceRatio, images }) => [imbalanceRatio, images])).toEqual([
    [10, 19_573],
    [50, 12_608],
    [100, 10_847],
  ]);
});

test.each(golden.shuffles)("shuffles of one stream with seed $seed", ({ seed, shuffled }) => {
  const shuffle = legacyShuffle(seed);
  for (const expected of shuffled) {
    const values = Int32Array.from(expected, (_, i) => i);
    shuffle(values);
    expect([...values]).toEqual(expected);
  }
});
