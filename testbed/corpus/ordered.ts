import { keepOrder, longTailCounts } from "../../plugins/datasets/shared/long-tail.ts";
import type { Recipe } from "./recipes.ts";

/**
 * Images per concept where the long tail of the downstream classes follows a given order; a class with fewer images than
 * its rank asks for gives what it has.
 */
export function orderedCounts(
  available: readonly number[],
  classes: number,
  { first, ratio, order, otherCap }: Extract<Recipe, { kind: "ordered" }>,
): number[] {
  const counts = available.map((count) => Math.min(count, otherCap));
  const ranks = longTailCounts(classes, first, ratio);
  const scarcest = Math.min(...available.slice(0, classes));
  // Flat counts ask every class for more than the scarcest has; then each gives what it has.
  const enough = available.map((count) => (ranks.at(-1)! > scarcest ? Number.POSITIVE_INFINITY : count));
  keepOrder(enough, ranks, order).forEach((label, rank) => {
    counts[label] = Math.min(available[label]!, ranks[rank]!);
  });
  return counts;
}
