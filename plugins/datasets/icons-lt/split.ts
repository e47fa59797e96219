import { drawOrder, keepOrder, largestFirst, longTailCounts } from "../shared/long-tail.ts";
import { shuffled, uniform } from "../shared/random.ts";
import type { DownstreamPool, PoolItem } from "./pool.ts";

export const TEST_PER_CLASS = 15;
export const VALIDATION_PER_CLASS = 3;
/** n_1 unless a user wants another. */
export const MAX_PER_CLASS = 150;

export interface SplitOptions {
  readonly classNames: readonly string[];
  /** n_1 / n_K of the training split. */
  readonly imbalanceRatio: number;
  /** The classes keep the order that they have at this ratio; absent: an order is drawn for `imbalanceRatio`. */
  readonly orderRatio?: number;
  /** Largest n_1; less where the icons do not suffice. */
  readonly maxPerClass: number;
  readonly seed: number;
}

/** Items per class, index = label. */
export interface LongTailSplit {
  readonly train: readonly (readonly PoolItem[])[];
  readonly validation: readonly (readonly PoolItem[])[];
  readonly test: readonly (readonly PoolItem[])[];
}

/**
 * Draws the three splits. Test: the same for every seed and ratio, as many of each class, spread over designers.
 * Validation: the same number of each class, from the train role. Training: a long tail over a seeded order of the
 * classes, from what the train role has left; a smaller ratio or seed only changes how many are taken of each.
 */
export function splitPool(pool: DownstreamPool, options: SplitOptions): LongTailSplit {
  const { classNames, imbalanceRatio, orderRatio, maxPerClass, seed } = options;
  const test = byClass(pool.test, classNames).map((items, label) =>
    spread(items, uniform("icons-lt", "test", classNames[label]!)).slice(0, TEST_PER_CLASS),
  );
  const mixed = byClass(pool.train, classNames).map((items, label) =>
    spread(items, uniform("icons-lt", "train", seed, classNames[label]!)),
  );
  const validation = mixed.map((items) => items.slice(0, VALIDATION_PER_CLASS));
  const rest = mixed.map((items) => items.slice(VALIDATION_PER_CLASS));
  const available = rest.map((items) => items.length);
  const countsAt = (ratio: number, most: number) =>
    longTailCounts(classNames.length, Math.min(most, largestFirst(available, ratio)), ratio);
  const drawAt = (ratio: number, most: number) =>
    drawOrder(available, countsAt(ratio, most), uniform("icons-lt", "order", seed));
  const counts = countsAt(imbalanceRatio, maxPerClass);
  const order =
    orderRatio === undefined
      ? drawAt(imbalanceRatio, maxPerClass)
      : keepOrder(available, counts, drawAt(orderRatio, MAX_PER_CLASS));
  const train: PoolItem[][] = rest.map(() => []);
  order.forEach((label, rank) => {
    train[label] = rest[label]!.slice(0, counts[rank]);
  });
  return { train, validation, test };
}

function byClass(items: readonly PoolItem[], classNames: readonly string[]): PoolItem[][] {
  const labels = new Map(classNames.map((name, label) => [name, label]));
  const classes: PoolItem[][] = classNames.map(() => []);
  for (const item of items) {
    const label = labels.get(item.concept);
    if (label !== undefined) classes[label]!.push(item);
  }
  return classes;
}

/** One icon of every set in random order, then a second of every set, and so on: few images still mean many designers. */
export function spread<T extends { readonly set: string }>(items: readonly T[], draw: () => number): T[] {
  const sets = new Map<string, T[]>();
  for (const item of shuffled(items, draw)) sets.set(item.set, [...(sets.get(item.set) ?? []), item]);
  const out: T[] = [];
  for (let round = 0; out.length < items.length; round++) {
    for (const members of sets.values()) if (members[round]) out.push(members[round]!);
  }
  return out;
}
