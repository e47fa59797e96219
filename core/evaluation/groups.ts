import { DualtailError } from "../errors.ts";

/** Position of a class on an axis of imbalance, most to least. */
export type Group = "many" | "medium" | "few";
/** All groups, most to least. */
export const GROUPS = ["many", "medium", "few"] as const satisfies readonly Group[];

/** Where many and few begin, in training images per class. */
export interface Thresholds {
  /** Many: n > many. Default 100. */
  readonly many: number;
  /** Few: n < few. Default 20. */
  readonly few: number;
}

/** Those of Liu et al., 2019: 100 and 20. */
export const DEFAULT_THRESHOLDS: Thresholds = { many: 100, few: 20 };

/**
 * D-groups by training count (Liu et al., 2019): many n > 100, medium 20 ≤ n ≤ 100, few n < 20.
 *
 * @param counts [K] training images per class; pass a reference split's counts where the protocol says so (CIFAR-100: IR 100)
 * @returns [K]
 */
export function downstreamGroups(
  counts: ArrayLike<number>,
  { many, few }: Thresholds = DEFAULT_THRESHOLDS,
): Group[] {
  if (!(few <= many)) {
    throw new DualtailError(`group thresholds: few (${few}) is above many (${many})`, {
      hint: "choose few ≤ many, e.g. 20 and 100",
    });
  }
  return Array.from(counts, (n) => (n > many ? "many" : n < few ? "few" : "medium"));
}

/**
 * P-groups: classes sorted by pre-training prior, cut in thirds whose sizes differ by at most one (the larger ones come
 * first). Equal priors are ordered by class index, so the result is a function of the input alone.
 *
 * @param prior [K] estimated prior, or recorded pre-training counts where known
 * @returns [K]
 */
export function pretrainGroups(prior: ArrayLike<number>): Group[] {
  const values = Array.from(prior);
  const bad = values.findIndex((value) => Number.isNaN(value));
  if (bad >= 0) throw new DualtailError(`pre-training prior of class ${bad} is NaN`);
  const order = values.map((_, k) => k).sort((i, j) => values[j]! - values[i]! || i - j);
  const groups = new Array<Group>(values.length);
  const K = values.length;
  order.forEach((k, rank) => {
    groups[k] = rank < Math.ceil(K / 3) ? "many" : rank < Math.ceil((2 * K) / 3) ? "medium" : "few";
  });
  return groups;
}

/** The 3×3 crossing: `cells[d][p]` lists the classes (ascending) in D-group d and P-group p, in the order of `GROUPS`. */
export function crossGroups(d: readonly Group[], p: readonly Group[]): number[][][] {
  if (d.length !== p.length) {
    throw new DualtailError(`group crossing: ${d.length} classes in D-groups but ${p.length} in P-groups`);
  }
  const cells = GROUPS.map(() => GROUPS.map((): number[] => []));
  d.forEach((group, k) => {
    cells[GROUPS.indexOf(group)]![GROUPS.indexOf(p[k]!)]!.push(k);
  });
  return cells;
}

/** Classes rare in both worlds: D-Few ∩ P-Few. */
export function dualTail(d: readonly Group[], p: readonly Group[]): number[] {
  return crossGroups(d, p)[2]![2]!;
}

/** Number of classes per group. */
export function groupSizes(groups: readonly Group[]): Record<Group, number> {
  const sizes = { many: 0, medium: 0, few: 0 };
  for (const group of groups) sizes[group]++;
  return sizes;
}
