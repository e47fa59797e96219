import type { Estimate } from "../../evaluation/index.ts";
import { type Analysis, asFamily, type Difference, GROUP_COLUMNS, type GroupColumn } from "../analysis.ts";
import { keyOf, methodOf, type Varied } from "../read/identity.ts";
import { nameOf, type Row } from "../read/rows.ts";

/** The same methods under several values of some params. */
export interface SettingsComparison {
  /** Value that the others are compared with. */
  readonly against: string;
  /** One per method on a backbone that has been run with `against` and another value. */
  readonly methods: readonly MethodComparison[];
  /** Rows left out, and why. */
  readonly omitted: readonly string[];
}

export interface MethodComparison {
  readonly name: string;
  /** `against` first. */
  readonly values: readonly ComparedValue[];
}

export interface ComparedValue {
  readonly label: string;
  readonly row: Row;
  /** By `GROUP_COLUMNS`. */
  readonly accuracy: readonly (Estimate | undefined)[];
  /** Minus `against`, over the seeds in common; undefined for `against` itself and without a seed in common. */
  readonly difference: readonly (Difference | undefined)[];
}

export interface SettingsInput {
  /** Of rows that were gathered with `varied`. */
  readonly analysis: Analysis;
  readonly varied: Varied;
  /** What a row's value is called; in the order in which values are shown. */
  readonly labels: ReadonlyMap<string, string>;
  /** Label; default: the first that a row has. */
  readonly against?: string;
}

/**
 * Compares each method on the same backbones across values. All groups are those of the row that is compared against, so
 * that both sides of a difference are over the same classes. Holm's correction is over each column.
 */
export function compareSettings(input: SettingsInput): SettingsComparison {
  const { analysis, varied, labels } = input;
  const labelOf = (row: Row) => labels.get(keyOf(row.varied))!;
  const order = [...new Set(analysis.rows.map(labelOf))];
  const against = input.against ?? order[0]!;
  const byMethod = new Map<string, Row[]>();
  for (const row of analysis.rows) {
    const key = keyOf(methodOf(row.runs[0]!.run, varied));
    byMethod.set(key, [...(byMethod.get(key) ?? []), row]);
  }
  const omitted: string[] = [];
  const found: { readonly name: string; readonly base: Row; readonly others: readonly Row[] }[] = [];
  for (const rows of byMethod.values()) {
    const base = rows.find((row) => labelOf(row) === against);
    const others = rows.filter((row) => row !== base);
    if (base && others.length > 0) found.push({ name: nameFor(rows, base), base, others });
    else omitted.push(`${nameOf(rows[0]!)}: only with ${rows.map(labelOf).join("; ")}`);
  }
  const pairs = found.flatMap(({ base, others }) => others.map((row) => ({ row, base })));
  const columns = GROUP_COLUMNS.map((column) =>
    asFamily(pairs.map(({ row, base }) => differenceOf(analysis, column, row, base))),
  );
  const value = (row: Row, base: Row): ComparedValue => ({
    label: labelOf(row),
    row,
    accuracy: GROUP_COLUMNS.map((column) => analysis.compare({ rows: [row], ...only(column, base) })),
    difference: columns.map((column) => column[pairs.findIndex((pair) => pair.row === row)]),
  });
  return {
    against,
    methods: found.map(({ name, base, others }) => ({
      name,
      values: [base, ...others].map((row) => value(row, base)),
    })),
    omitted,
  };
}

const only = ({ classes }: GroupColumn, base: Row) => {
  const own = classes(base);
  return own ? { classes: own } : {};
};

function differenceOf(analysis: Analysis, column: GroupColumn, row: Row, base: Row): Estimate | undefined {
  const made = analysis.compare({ rows: [row], minus: [base], ...only(column, base) });
  return made?.paired ? made : undefined;
}

/** A method whose loss options are what varies goes by the loss's name, not by a label that shows one of the values. */
function nameFor(rows: readonly Row[], base: Row): string {
  const labels = new Set(rows.map(({ label }) => label));
  const backbones = new Set(rows.map(({ backbones: own }) => own.join(" + ")));
  return [...(labels.size === 1 ? labels : [base.loss]), ...(backbones.size === 1 ? backbones : [])].join(
    " · ",
  );
}
