import type { Analysis } from "../analysis.ts";
import type { Row } from "../read/rows.ts";
import type { Explained } from "./explain.ts";

/** A class and by how much its accuracy lies below a reference. */
export interface ClassLoss {
  readonly class: number;
  readonly accuracy: number;
  /** Accuracy minus reference, below 0. */
  readonly difference: number;
}

export interface RowLosses {
  readonly explained: Explained;
  /** Below zero-shot of the same backbones (their mean); undefined for zero-shot rows and where one is missing. */
  readonly fromZeroShot: readonly ClassLoss[] | undefined;
  /** Below the mean over the row's classes. */
  readonly fromMean: readonly ClassLoss[];
}

/** The `worst` classes that lose most; equal ones by class index, none that does not lose. */
export function lossesOf(all: readonly Explained[], own: Explained, worst: number): RowLosses {
  const { accuracy, row } = own;
  const zeroShot = row.backbones.map((backbone) =>
    all.find(({ row: other }) => other.kind === "zero-shot" && other.backbones[0] === backbone),
  );
  const known = zeroShot.filter((found) => found !== undefined);
  const complete = row.kind !== "zero-shot" && known.length === row.backbones.length;
  const tested = accuracy.filter((value) => !Number.isNaN(value));
  const mean = tested.reduce((sum, value) => sum + value, 0) / tested.length;
  const below = (reference: (k: number) => number): ClassLoss[] =>
    accuracy
      .map((value, k) => ({ class: k, accuracy: value, difference: value - reference(k) }))
      .filter(({ difference }) => difference < -ROUNDING)
      .sort((a, b) => a.difference - b.difference || a.class - b.class)
      .slice(0, worst);
  return {
    explained: own,
    fromZeroShot: complete
      ? below((k) => known.reduce((sum, { accuracy: each }) => sum + each[k]!, 0) / known.length)
      : undefined,
    fromMean: below(() => mean),
  };
}

/** Differences of this size are rounding. */
const ROUNDING = 1e-9;

/** What a class is on both sides of a row. */
export const classFacts = ({ classNames, trainCounts }: Analysis, row: Row, k: number) => ({
  name: classNames[k]!,
  trainCount: trainCounts[k]!,
  downstream: row.downstream[k]!,
  pretrain: row.pretrain[k]!,
  ...(row.prior ? { prior: row.prior[k]! } : {}),
});
