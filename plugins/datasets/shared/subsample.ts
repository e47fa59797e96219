import { DualtailError } from "../../../core/plugin-api/index.ts";
import { drawOrder, largestFirst, longTailCounts } from "./long-tail.ts";
import { shuffled, uniform } from "./random.ts";

/**
 * Thins the training images of each class to an exponential long tail over a seeded order of the classes.
 * @throws DualtailError when some class has no image.
 */
export function subsampleLongTail<T>(
  perClass: readonly (readonly T[])[],
  options: { readonly imbalanceRatio: number; readonly maxPerClass?: number; readonly seed: number },
): T[][] {
  const { imbalanceRatio, maxPerClass = Number.POSITIVE_INFINITY, seed } = options;
  const available = perClass.map((items) => items.length);
  const first = Math.min(maxPerClass, largestFirst(available, imbalanceRatio));
  if (first === 0) throw new DualtailError("a class without training images has no place in a long tail");
  const counts = longTailCounts(perClass.length, first, imbalanceRatio);
  const out: T[][] = perClass.map(() => []);
  drawOrder(available, counts, uniform("long-tail", "order", seed)).forEach((label, rank) => {
    out[label] = shuffled(perClass[label]!, uniform("long-tail", "images", seed, label)).slice(
      0,
      counts[rank],
    );
  });
  return out;
}
