import { expect, it } from "vitest";
import { plugin as cifar } from "../cifar100-lt/index.ts";
import { plugin as imagenet } from "../imagenet-lt/index.ts";
import { plugin as inat } from "../inat2018/index.ts";
import { plugin as places } from "../places-lt/index.ts";

const root = "nowhere";

it("the benchmarks have the sizes that were published", () => {
  expect(imagenet.expected!({ root })).toEqual({
    classes: 1000,
    train: 115_846,
    validation: 20_000,
    test: 50_000,
  });
  expect(places.expected!({ root })).toEqual({ classes: 365, train: 62_500, validation: 7300, test: 36_500 });
  // The validation list of the publisher is the test split, as in LIFT.
  expect(inat.expected!({ root, level: "species" })).toEqual({ classes: 8142, train: 437_513, test: 24_426 });
});

it("lists of one's own, or another level, are another dataset", () => {
  expect(imagenet.expected!({ root, train: "mine.txt" })).toBeUndefined();
  expect(inat.expected!({ root, level: "genus" })).toBeUndefined();
});

// Cao et al., 2019, and the code of LIFT: 10,847 images at 100, 12,608 at 50, 19,573 at 10.
it.each([
  [100, 10_847],
  [50, 12_608],
  [10, 19_573],
  [1, 50_000],
])("CIFAR-100-LT at ratio %s has %s training images", (imbalanceRatio, train) => {
  const expected = cifar.expected!({ root, imbalanceRatio });
  expect(expected).toEqual({ classes: 100, train, test: 10_000, pixelBytes: 32 * 32 * 3 });
});
