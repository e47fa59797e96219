import {
  type Bootstrap,
  bootstrap,
  type Estimate,
  GROUPS,
  type Group,
  holm,
  type MeanInterval,
  studentInterval,
} from "../evaluation/index.ts";
import type { Gathered, Row } from "./read/rows.ts";
import { dualTailOf } from "./read/rows.ts";

/** Rows with the means to compare them. */
export interface Analysis extends Gathered {
  readonly resamples: number;
  /** Accuracy of the mean of `rows` over `classes` (default all), minus that of `minus`. */
  compare(input: {
    readonly rows: readonly Row[];
    readonly minus?: readonly Row[];
    readonly classes?: readonly number[];
    readonly level?: number;
  }): Estimate | undefined;
  /** Any weighted sum of rows' accuracies over classes. */
  contrast(terms: readonly ContrastTerm[], level?: number): Estimate | undefined;
}

export interface ContrastTerm {
  readonly row: Row;
  readonly weight: number;
  readonly classes?: readonly number[];
}

export function analyse(gathered: Gathered, options: { resamples?: number; seed?: number } = {}): Analysis {
  const { rows, labels, classNames } = gathered;
  const made: Bootstrap = bootstrap({
    labels,
    classes: classNames.length,
    rows: rows.map(({ runs }) => ({
      seeds: runs.map(({ seed }) => seed),
      correct: runs.map(({ correct }) => correct),
    })),
    ...options,
  });
  const contrast: Analysis["contrast"] = (terms, level) =>
    made.estimate(
      terms.map(({ row, weight, classes }) => ({
        row: rows.indexOf(row),
        weight,
        ...(classes ? { classes } : {}),
      })),
      level,
    );
  return {
    ...gathered,
    resamples: made.resamples,
    contrast,
    compare({ rows: plus, minus = [], classes, level }) {
      const term = (members: readonly Row[], sign: number) =>
        members.map((row) => ({ row, weight: sign / members.length, ...(classes ? { classes } : {}) }));
      return contrast([...term(plus, 1), ...term(minus, -1)], level);
    },
  };
}

/** The class groups that tables show, as a row defines them; undefined: all classes. */
export interface GroupColumn {
  readonly heading: string;
  readonly classes: (row: Row) => number[] | undefined;
}

const members = (groups: readonly Group[], group: Group) =>
  groups.flatMap((own, k) => (own === group ? [k] : []));

export const OVERALL: GroupColumn = { heading: "overall", classes: () => undefined };
export const DUAL_TAIL: GroupColumn = { heading: "dual-tail", classes: dualTailOf };
export const downstreamColumn = (group: Group): GroupColumn => ({
  heading: `D-${group}`,
  classes: ({ downstream }) => members(downstream, group),
});
export const pretrainColumn = (group: Group): GroupColumn => ({
  heading: `P-${group}`,
  classes: ({ pretrain }) => members(pretrain, group),
});

/** The columns of a table of accuracies. */
export const GROUP_COLUMNS: readonly GroupColumn[] = [
  OVERALL,
  ...GROUPS.map(downstreamColumn),
  ...GROUPS.map(pretrainColumn),
  DUAL_TAIL,
];

/** What an interval says about a quantity. */
export type Sign = "above 0" | "below 0" | "cannot be told from 0";

export function signOf({ low, high }: { readonly low: number; readonly high: number }): Sign {
  return low > 0 ? "above 0" : high < 0 ? "below 0" : "cannot be told from 0";
}

/** A difference with its p-value adjusted over the family it belongs to. */
export interface Difference extends Estimate {
  readonly adjusted: number;
}

/** Holm's correction over those that could be measured. */
export function asFamily(estimates: readonly (Estimate | undefined)[]): (Difference | undefined)[] {
  const measured = estimates.filter((estimate) => estimate !== undefined);
  const adjusted = holm(measured.map(({ p }) => p));
  return estimates.map((estimate) =>
    estimate === undefined ? undefined : { ...estimate, adjusted: adjusted[measured.indexOf(estimate)]! },
  );
}

/** Of a metric that each run reports: mean over rows' seeds with a t interval over seeds alone. */
export function metricMean(row: Row, key: string): MeanInterval | undefined {
  return studentInterval(row.runs.flatMap(({ metrics }) => finite(metrics[key])));
}

/** The same of the mean of `rows` minus the mean of `minus`, over the seeds that all have. Runs without a seed go with any. */
export function metricDifference(
  key: string,
  rows: readonly Row[],
  minus: readonly Row[],
): MeanInterval | undefined {
  const values = [...rows, ...minus].map(
    ({ runs }) =>
      new Map(runs.flatMap(({ seed, metrics }) => finite(metrics[key]).map((value) => [seed, value]))),
  );
  const seeds = values
    .map((own) => [...own.keys()])
    .filter((own) => own.length > 0 && own[0] !== undefined)
    .reduce(
      (common, own) => common.filter((seed) => own.includes(seed)),
      values.flatMap((own) => [...own.keys()]),
    );
  const at = (own: ReadonlyMap<number | undefined, number>, seed: number | undefined) =>
    own.get(seed) ?? own.get(undefined);
  const differences = [...new Set(seeds)].flatMap((seed) => {
    const each = values.map((own) => at(own, seed));
    if (!each.every((value) => value !== undefined)) return [];
    const mean = (part: readonly number[]) => part.reduce((sum, value) => sum + value, 0) / part.length;
    return [mean(each.slice(0, rows.length)) - mean(each.slice(rows.length))];
  });
  return studentInterval(differences);
}

const finite = (value: number | undefined) => (value !== undefined && Number.isFinite(value) ? [value] : []);
