/**
 * Images per class of an exponential long tail, most frequent first: n_k = n_1 · IR^(−k/(K−1)) (Cao et al., 2019),
 * rounded, at least 1. `imbalanceRatio` is n_1 / n_K.
 */
export function longTailCounts(classes: number, first: number, imbalanceRatio: number): number[] {
  return Array.from({ length: classes }, (_, k) => {
    const exponent = classes > 1 ? -k / (classes - 1) : 0;
    return Math.max(1, Math.round(first * imbalanceRatio ** exponent));
  });
}

/** The largest n_1 for which every rank of the long tail finds a class with enough images; 0 when some class has none. */
export function largestFirst(available: readonly number[], imbalanceRatio: number): number {
  const sorted = [...available].sort((a, b) => b - a);
  const fits = (first: number) =>
    longTailCounts(sorted.length, first, imbalanceRatio).every((count, k) => count <= sorted[k]!);
  let first = sorted[0] ?? 0;
  while (first > 0 && !fits(first)) first--;
  return first;
}

/**
 * Draws which class takes which rank of `counts` (descending), each rank uniformly among the classes left that have
 * enough images. Returns the class per rank. Never stuck when every rank fits the availability sorted in descending
 * order: a class that fits an earlier, larger rank also fits every later one.
 */
export function drawOrder(
  available: readonly number[],
  counts: readonly number[],
  draw: () => number,
): number[] {
  const left = available.map((_, label) => label);
  return counts.map((count) => {
    const fitting = left.filter((label) => available[label]! >= count);
    const chosen = fitting[Math.floor(draw() * fitting.length)];
    if (chosen === undefined) throw new RangeError(`no class left with ${count} images`);
    left.splice(left.indexOf(chosen), 1);
    return chosen;
  });
}

/**
 * Gives each rank of `counts` (descending) to the first class of `order` that is left and has enough images: the order
 * is kept but for scarce classes, which move down as far as they must. Returns the class per rank.
 */
export function keepOrder(
  available: readonly number[],
  counts: readonly number[],
  order: readonly number[],
): number[] {
  const left = [...order];
  return counts.map((count) => {
    const at = left.findIndex((label) => available[label]! >= count);
    if (at < 0) throw new RangeError(`no class left with ${count} images`);
    return left.splice(at, 1)[0]!;
  });
}
