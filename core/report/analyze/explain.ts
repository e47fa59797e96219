import { spearman } from "../../evaluation/index.ts";
import type { Analysis } from "../analysis.ts";
import type { Row } from "../read/rows.ts";
import { type Regression, regress } from "./regression.ts";

/** Which imbalance goes with a row's accuracies over classes. */
export interface Explained {
  readonly row: Row;
  /** [K] mean over seeds; NaN for a class without test images. */
  readonly accuracy: readonly number[];
  /** Classes that both logarithms exist of, and test images. */
  readonly classes: readonly number[];
  /** Spearman's ρ of accuracy with the log training count, with the log pre-training prior. */
  readonly rank: { readonly downstream: number | undefined; readonly pretrain: number | undefined };
  /** Of accuracy on the standardised log training count and log pre-training prior, in that order. */
  readonly regression: Regression | undefined;
}

/** Of a row whose runs have not logged what its P-groups were made from, only the accuracies are known. */
export function explain({ labels, classNames, trainCounts }: Analysis, row: Row): Explained {
  const accuracy = perClassAccuracy(labels, classNames.length, row);
  const prior = row.prior ?? [];
  const classes = classNames.flatMap((_, k) =>
    trainCounts[k]! > 0 && (prior[k] ?? 0) > 0 && !Number.isNaN(accuracy[k]!) ? [k] : [],
  );
  const y = classes.map((k) => accuracy[k]!);
  const downstream = classes.map((k) => Math.log(trainCounts[k]!));
  const pretrain = classes.map((k) => Math.log(prior[k]!));
  return {
    row,
    accuracy,
    classes,
    rank: { downstream: spearman(y, downstream), pretrain: spearman(y, pretrain) },
    regression: regress(y, downstream, pretrain),
  };
}

/** [K] share of a class's test images predicted correctly, mean over the row's seeds; NaN without images. */
export function perClassAccuracy(labels: Int32Array, classes: number, { runs }: Row): number[] {
  const images = new Float64Array(classes);
  const hits = new Float64Array(classes);
  for (const [i, k] of labels.entries()) {
    images[k]!++;
    for (const { correct } of runs) hits[k]! += correct[i]! / runs.length;
  }
  return Array.from(hits, (hit, k) => hit / images[k]!);
}
