import { legacyShuffle } from "./legacy-shuffle.ts";

/**
 * Training images per class, n_k = ⌊n_1 · IR^(−k/(K−1))⌋ (Cao et al., 2019): unlike elsewhere the class index is the rank
 * and the fraction is cut off, so that the counts are those of the published splits (10,847 images at IR 100).
 */
export function publishedCounts(classes: number, first: number, imbalanceRatio: number): number[] {
  return Array.from({ length: classes }, (_, k) =>
    Math.trunc(first * (1 / imbalanceRatio) ** (k / (classes - 1))),
  );
}

/**
 * Which training records are kept, in the order they get: class by class, each class's records shuffled by one NumPy
 * stream with seed 0 and cut to its count. The same records as the code of LDAM and LIFT keeps.
 *
 * @param labels label per record, in the order of the archive
 * @param counts [K], or undefined to keep everything in the order of the archive
 * @throws RangeError when a class has fewer records than its count
 */
export function selectRecords(labels: ArrayLike<number>, counts: readonly number[] | undefined): Int32Array {
  if (counts === undefined) return Int32Array.from({ length: labels.length }, (_, i) => i);
  const perClass: number[][] = counts.map(() => []);
  for (let i = 0; i < labels.length; i++) perClass[labels[i]!]!.push(i);
  const shuffle = legacyShuffle(0);
  const chosen = perClass.map((records, label) => {
    const count = counts[label]!;
    if (records.length < count) {
      throw new RangeError(`class ${label} has ${records.length} records of the ${count} that it needs`);
    }
    const order = Int32Array.from(records);
    shuffle(order);
    return order.subarray(0, count);
  });
  return Int32Array.from(chosen.flatMap((records) => [...records]));
}
