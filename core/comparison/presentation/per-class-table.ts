import type { Group } from "../../evaluation/groups.ts";
import { csvTable, markdownTable, percent, UNDEFINED } from "./format.ts";

/** One array entry per class. */
export interface PerClassInput {
  readonly classNames: readonly string[];
  readonly trainCounts: ArrayLike<number>;
  /** Test accuracy in [0, 1]; NaN for a class without test images. */
  readonly accuracy: ArrayLike<number>;
  /** Estimated pre-training prior. */
  readonly prior?: ArrayLike<number>;
  /** Recorded pre-training counts, where the backbone's corpus is known. */
  readonly pretrainCounts?: ArrayLike<number>;
  readonly downstream?: readonly Group[];
  readonly pretrain?: readonly Group[];
}

export interface PerClassTable {
  /** Undefined values are empty fields; shares in [0, 1] at full precision. */
  readonly csv: string;
  readonly json: string;
  /** Accuracy in %. */
  readonly markdown: string;
}

interface PerClassRow {
  readonly class: number;
  readonly name: string;
  readonly n_train: number;
  readonly prior?: number;
  readonly n_pretrain?: number;
  readonly d_group?: Group;
  readonly p_group?: Group;
  readonly accuracy: number | null;
}

/** Per class: name, training count, prior, recorded pre-training count, groups, accuracy. Optional columns only when given. */
export function perClassTable(input: PerClassInput): PerClassTable {
  const rows = input.classNames.map((name, k): PerClassRow => {
    const accuracy = input.accuracy[k];
    return {
      class: k,
      name,
      n_train: input.trainCounts[k]!,
      ...(input.prior && { prior: input.prior[k]! }),
      ...(input.pretrainCounts && { n_pretrain: input.pretrainCounts[k]! }),
      ...(input.downstream && { d_group: input.downstream[k]! }),
      ...(input.pretrain && { p_group: input.pretrain[k]! }),
      accuracy: accuracy === undefined || Number.isNaN(accuracy) ? null : accuracy,
    };
  });
  const columns = ["class", "name", "n_train"] as (keyof PerClassRow)[];
  if (input.prior) columns.push("prior");
  if (input.pretrainCounts) columns.push("n_pretrain");
  if (input.downstream) columns.push("d_group");
  if (input.pretrain) columns.push("p_group");
  columns.push("accuracy");

  const shown = (row: PerClassRow, column: keyof PerClassRow) => {
    const value = row[column];
    if (column === "accuracy") return percent(row.accuracy ?? undefined);
    if (column === "prior") return row.prior === undefined ? UNDEFINED : row.prior.toPrecision(3);
    return String(value);
  };
  // Names first, then numbers: only the name is aligned left, so it leads in the Markdown table.
  const order = ["name", ...columns.filter((column) => column !== "name")] as (keyof PerClassRow)[];
  return {
    csv: csvTable(
      columns,
      rows.map((row) => columns.map((column) => String(row[column] ?? ""))),
    ),
    json: `${JSON.stringify(rows, null, 2)}\n`,
    markdown: markdownTable(
      order.map((column) => (column === "accuracy" ? "accuracy (%)" : column)),
      rows.map((row) => order.map((column) => shown(row, column))),
      1,
    ),
  };
}
