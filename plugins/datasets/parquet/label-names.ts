import { readFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "yaml";
import { FileError } from "../../../core/plugin-api/index.ts";
import type { Table } from "./table.ts";

/**
 * Names of a label column's values, as the data set states them: in the parquet file itself, in the `dataset_info` of the
 * README.md, or in dataset_infos.json, in or just above `root`. Undefined when nothing states them.
 * @throws FileError when files or subsets state different ones
 */
export async function statedNames(
  tables: readonly Table[],
  column: string,
  root: string,
): Promise<readonly string[] | undefined> {
  for (const { features } of tables) {
    const names = features[column]?.names;
    if (names === undefined) continue;
    const other = tables.find((table) => !sameNames(table.features[column]?.names ?? names, names));
    if (other)
      throw new FileError(other.file, `names the values of "${column}" otherwise than ${tables[0]!.file}`);
    return names;
  }
  for (const folder of [root, path.dirname(root)]) {
    for (const [file, read] of SOURCES) {
      const names = await namesFrom(path.join(folder, file), read, column);
      if (names) return names;
    }
  }
  return undefined;
}

const sameNames = (a: readonly string[], b: readonly string[]) => JSON.stringify(a) === JSON.stringify(b);

type Json = unknown;
const field = (value: Json, key: string): Json =>
  typeof value === "object" && value !== null ? (value as Record<string, Json>)[key] : undefined;
const listOf = (value: Json): Json[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

const SOURCES: readonly (readonly [file: string, read: (text: string, column: string) => Json[]])[] = [
  ["README.md", namesInReadme],
  [
    "dataset_infos.json",
    (text, column) =>
      Object.values(JSON.parse(text) as Record<string, Json>).map((subset) =>
        field(field(field(subset, "features"), column), "names"),
      ),
  ],
];

/** `dataset_info: {features: [{name: label, dtype: {class_label: {names: {"0": airplane, …}}}}]}`, or a list of such. */
function namesInReadme(text: string, column: string): Json[] {
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(text)?.[1];
  if (head === undefined) return [];
  return listOf(field(parse(head), "dataset_info")).map((info) => {
    const feature = listOf(field(info, "features")).find((entry) => field(entry, "name") === column);
    const names = field(field(field(feature, "dtype"), "class_label"), "names");
    if (typeof names !== "object" || names === null || Array.isArray(names)) return names;
    const byLabel = names as Record<string, Json>;
    return Object.keys(byLabel).map((_, label) => byLabel[label]);
  });
}

async function namesFrom(
  file: string,
  read: (text: string, column: string) => Json[],
  column: string,
): Promise<readonly string[] | undefined> {
  let stated: Json[];
  try {
    stated = read(await readFile(file, "utf8"), column);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FileError(file, `cannot be read: ${(cause as Error).message}`, { cause });
  }
  const lists = stated.filter(
    (names): names is string[] => Array.isArray(names) && names.every((name) => typeof name === "string"),
  );
  if (lists.some((names) => !sameNames(names, lists[0]!))) {
    throw new FileError(file, `its subsets name the values of "${column}" differently`, {
      hint: "set classNames to a file with the names of this one",
    });
  }
  return lists[0];
}
