import { permutation, uniformFrom } from "../../training/random.ts";

/** What a loss or a prediction is evaluated on; M strata, B samples, K classes. */
export interface LossProblem {
  readonly batch: number;
  readonly classes: number;
  /** M × [B × K] */
  readonly logits: readonly Float64Array[];
  /** M × [B × K], for post-hoc recipes. */
  readonly zeroShot: readonly Float64Array[];
  /** [B] */
  readonly labels: readonly number[];
  /** [K] n_y */
  readonly classCounts: readonly number[];
  /** M × [K], each summing to 1. */
  readonly pretrainPrior: readonly (readonly number[])[];
  /** [M] summing to 1. */
  readonly masses: readonly number[];
}

const normalised = (values: readonly number[]): number[] => {
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => value / total);
};

/**
 * Deterministic data: logits in ±4, a long tail that ends at one image where there are classes enough, unequal masses.
 * The larger the seed, the more images there are.
 */
export function makeProblem({
  batch = 5,
  classes = 4,
  strata = 1,
  masses,
  seed = 0,
}: {
  readonly batch?: number;
  readonly classes?: number;
  readonly strata?: number;
  readonly masses?: readonly number[];
  readonly seed?: number;
}): LossProblem {
  const uniform = uniformFrom("check a loss", seed);
  const matrix = () => Float64Array.from({ length: batch * classes }, () => 8 * uniform() - 4);
  const all = <T>(make: (m: number) => T): T[] => Array.from({ length: strata }, (_, m) => make(m));
  const each = <T>(make: (k: number) => T): T[] => Array.from({ length: classes }, (_, k) => make(k));
  return {
    batch,
    classes,
    logits: all(matrix),
    zeroShot: all(matrix),
    // Every class where the batch has room, else from the most frequent to the rarest.
    labels: Array.from({ length: batch }, (_, b) =>
      classes > batch ? Math.floor((b * (classes - 1)) / Math.max(1, batch - 1)) : b % classes,
    ),
    classCounts: each((k) => Math.max(1, Math.round((100 + 25 * seed) / (k + 1) ** 1.5))),
    pretrainPrior: all(() => normalised(each(() => 0.2 + uniform()))),
    masses: normalised(masses ?? all((m) => strata + 1 - m)),
  };
}

const rows = (p: LossProblem, order: readonly number[]) => (z: Float64Array) =>
  Float64Array.from(order.flatMap((b) => [...z.subarray(b * p.classes, (b + 1) * p.classes)]));

/** The samples `order`, in that order. */
export function takeSamples(p: LossProblem, order: readonly number[]): LossProblem {
  return {
    ...p,
    batch: order.length,
    logits: p.logits.map(rows(p, order)),
    zeroShot: p.zeroShot.map(rows(p, order)),
    labels: order.map((b) => p.labels[b]!),
  };
}

/** The same problem with class k called order[k]. */
export function renumberClasses(p: LossProblem, order: readonly number[]): LossProblem {
  const list = <T>(values: readonly T[]): T[] => {
    const out: T[] = [];
    for (const [k, to] of order.entries()) out[to] = values[k]!;
    return out;
  };
  const matrix = (z: Float64Array) =>
    Float64Array.from(
      Array.from({ length: p.batch }, (_, b) =>
        list([...z.subarray(b * p.classes, (b + 1) * p.classes)]),
      ).flat(),
    );
  return {
    ...p,
    logits: p.logits.map(matrix),
    zeroShot: p.zeroShot.map(matrix),
    labels: p.labels.map((label) => order[label]!),
    classCounts: list(p.classCounts),
    pretrainPrior: p.pretrainPrior.map(list),
  };
}

/** A number per sample added to all its logits, in every stratum the same. */
export const shiftLogits = (p: LossProblem): LossProblem => ({
  ...p,
  logits: p.logits.map((z) => z.map((value, i) => value + 3.5 * Math.cos(1 + Math.floor(i / p.classes)))),
});

/** Logits of ±1e4: for the label or against it, by turns, and one sample where all are equal. */
export function extremeLogits(p: LossProblem): LossProblem {
  const extreme = (turn: number) =>
    Float64Array.from({ length: p.batch * p.classes }, (_, i) => {
      const [b, k] = [Math.floor(i / p.classes), i % p.classes];
      if (b % 3 === 2) return 1e4;
      return ((b + turn) % 3 === 0 ? 1e4 : -1e4) * (k === p.labels[b] ? 1 : -1);
    });
  return {
    ...p,
    logits: p.logits.map((_, m) => extreme(m)),
    zeroShot: p.zeroShot.map((_, m) => extreme(m + 1)),
  };
}

/** An order that leaves no number in place. */
export function otherOrder(n: number, seed: number): number[] {
  const drawn = permutation(n, uniformFrom("check a loss", "order", seed));
  return drawn.every((to, i) => to !== i)
    ? [...drawn]
    : Array.from({ length: n }, (_, i) => (i + 1 + (seed % Math.max(1, n - 1))) % n);
}
