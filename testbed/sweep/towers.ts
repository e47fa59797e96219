import { spearman } from "../../core/evaluation/index.ts";
import { shuffled, uniform } from "../../plugins/datasets/shared/random.ts";
import type { Recipe } from "../corpus/recipes.ts";

/** How the order of the pre-training counts stands to that of the downstream counts. */
export const alignments = ["aligned", "independent", "opposed"] as const;
export type Alignment = (typeof alignments)[number];

/** One way in which the tower's own data was imbalanced. */
export interface SweepTower {
  readonly name: string;
  /** Largest over smallest pre-training count of the downstream classes. */
  readonly skew: "flat" | "mild" | "strong";
  /** Absent for flat counts. */
  readonly alignment?: Alignment;
}

/** n_1 and n_1 / n_K; chosen so that every corpus has about the same number of images of the downstream classes. */
export const skews = {
  flat: { first: 18, ratio: 1 },
  mild: { first: 45, ratio: 10 },
  strong: { first: 82, ratio: 100 },
} as const;

/** Concepts besides the downstream classes are the same in every corpus. */
const OTHER_CAP = 12;

export const towers: readonly SweepTower[] = [
  { name: "flat", skew: "flat" },
  ...(["mild", "strong"] as const).flatMap((skew) =>
    alignments.map((alignment) => ({ name: `${skew}-${alignment}`, skew, alignment })),
  ),
];

/** The corpus of a tower. @param trainCounts [K] downstream training counts at the default imbalance ratio */
export function towerRecipe({ skew, alignment }: SweepTower, trainCounts: readonly number[]): Recipe {
  return {
    kind: "ordered",
    seed: 0,
    ...skews[skew],
    order: orders[alignment ?? "aligned"](trainCounts),
    otherCap: OTHER_CAP,
  };
}

const byCount = (counts: readonly number[]) =>
  counts.map((_, label) => label).sort((a, b) => counts[b]! - counts[a]!);

const orders: Readonly<Record<Alignment, (counts: readonly number[]) => number[]>> = {
  aligned: byCount,
  opposed: (counts) => byCount(counts).reverse(),
  independent: independentOrder,
};

/** The first of the seeded shuffles whose rank correlation with the counts is below 0.02. */
function independentOrder(counts: readonly number[]): number[] {
  for (let seed = 0; ; seed++) {
    const order = shuffled(
      counts.map((_, label) => label),
      uniform("sweep", "independent", seed),
    );
    const ranks = counts.map((_, label) => -order.indexOf(label));
    if (Math.abs(spearman(ranks, [...counts]) ?? 1) < 0.02) return order;
  }
}
