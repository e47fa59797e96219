import { DualtailError } from "../../../core/plugin-api/index.ts";
import { shuffled, uniform } from "./random.ts";
import { subsampleLongTail } from "./subsample.ts";

/** Options of datasets whose training split can be cut to another shape. */
export interface ShapeOptions {
  readonly imbalanceRatio?: number;
  readonly maxPerClass?: number;
  readonly testPerClass?: number;
}

export const SHAPE_OPTIONS = {
  imbalanceRatio: {
    type: "number",
    minimum: 1,
    description:
      "Thins the training split to a long tail: images of the most frequent class over those of the rarest",
  },
  maxPerClass: {
    type: "integer",
    minimum: 1,
    description: "With imbalanceRatio: training images of the most frequent class",
  },
  testPerClass: {
    type: "integer",
    minimum: 1,
    description:
      "For data without a test split: how many images of each class are drawn from the training split for one",
  },
} as const;

/**
 * Draws a balanced test split from the training images, where one is asked for, and thins the rest to a long tail, where
 * that is asked for. The same seed draws the same images.
 *
 * @param perClass training images of each class
 * @throws DualtailError naming a class that has too few images
 */
export function shapeTrain<T>(
  perClass: readonly (readonly T[])[],
  { imbalanceRatio, maxPerClass, testPerClass }: ShapeOptions,
  { seed, classNames }: { seed: number; classNames: readonly string[] },
): { readonly train: readonly (readonly T[])[]; readonly test?: readonly (readonly T[])[] } {
  let [train, test]: [typeof perClass, typeof perClass | undefined] = [perClass, undefined];
  if (testPerClass !== undefined) {
    const mixed = perClass.map((items, label) => {
      if (items.length > testPerClass) return shuffled(items, uniform("hold-out", seed, label));
      throw new DualtailError(
        `the class "${classNames[label]}" has ${items.length} images: ${testPerClass} for the test split leave none to train on`,
        { hint: "lower testPerClass, or leave the class out" },
      );
    });
    test = mixed.map((items) => items.slice(0, testPerClass));
    train = mixed.map((items) => items.slice(testPerClass));
  }
  if (imbalanceRatio !== undefined) {
    train = subsampleLongTail(train, {
      imbalanceRatio,
      seed,
      ...(maxPerClass === undefined ? {} : { maxPerClass }),
    });
  }
  return { train, ...(test && { test }) };
}
