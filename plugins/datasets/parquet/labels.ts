import { FileError } from "../../../core/plugin-api/index.ts";
import { byName } from "../shared/files.ts";
import { readColumn, type Table } from "./table.ts";

/** Values of the label column of one file: numbers of classes, or their names. */
export type RawLabels = { readonly table: Table } & (
  | { readonly kind: "numbers"; readonly values: readonly number[] }
  | { readonly kind: "names"; readonly values: readonly string[] }
);

/** @throws FileError naming the first row whose label is neither a number of a class nor a name */
export async function readLabels(table: Table, column: string): Promise<RawLabels> {
  const raw = await readColumn(table, column);
  const names = typeof raw[0] === "string";
  const wrong = raw.findIndex((value) =>
    names
      ? typeof value !== "string"
      : !Number.isSafeInteger(Number(value ?? Number.NaN)) || typeof value === "string",
  );
  if (wrong >= 0) {
    const shown = typeof raw[wrong] === "bigint" ? String(raw[wrong]) : JSON.stringify(raw[wrong]);
    throw new FileError(table.file, `row ${wrong} has the label ${shown} in "${column}"`, {
      hint: "labels are whole numbers from 0, or names; set labelColumn to another column",
    });
  }
  return names
    ? { table, kind: "names", values: raw as string[] }
    : { table, kind: "numbers", values: raw.map(Number) };
}

/** Distinct names in code-unit order, when labels are names. */
export const distinctNames = (files: readonly RawLabels[]): string[] =>
  [...new Set(files.flatMap((file): readonly string[] => (file.kind === "names" ? file.values : [])))].sort(
    byName,
  );

/** Labels in [0, K). @throws FileError naming the first row with another */
export function toLabels(raw: RawLabels, classes: readonly string[]): Int32Array {
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const labels = Int32Array.from<string | number>(raw.values, (value) =>
    typeof value === "number" ? value : (labelOf.get(value) ?? -1),
  );
  const wrong = labels.findIndex((label) => label < 0 || label >= classes.length);
  if (wrong >= 0) {
    const value = raw.values[wrong];
    throw new FileError(
      raw.table.file,
      `row ${wrong} has the label ${JSON.stringify(value)}, which is none of the ${classes.length} classes`,
      {
        hint:
          value === -1
            ? "the hub hides the labels of some test splits like this; set test to a split with labels"
            : "set classNames to a file with a name for every class",
      },
    );
  }
  return labels;
}
