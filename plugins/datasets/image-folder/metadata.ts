import { existsSync } from "node:fs";
import path from "node:path";
import { ConfigError, FileError } from "../../../core/plugin-api/index.ts";
import { readLines, readText } from "../shared/text-lines.ts";
import { parseCsv } from "./csv.ts";

/** What a metadata file says of one image. */
export interface Labelled {
  /** Path from the metadata file's folder, with slashes. */
  readonly image: string;
  readonly label: string;
  readonly line: number;
}

interface Row {
  readonly line: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The metadata file in a folder: `metadata.csv` or `metadata.jsonl`. */
export function findMetadata(folder: string): string | undefined {
  return ["metadata.csv", "metadata.jsonl"]
    .map((name) => path.join(folder, name))
    .find((file) => existsSync(file));
}

/**
 * Labels of the images that a metadata file lists, as Hugging Face's imagefolder has them: a column `file_name` and one
 * with labels. Undefined when it has no labels and none were asked for.
 *
 * @param column name of the label column; `label` when undefined
 * @throws FileError with the line of a row without a file or a label
 * @throws ConfigError when the column asked for does not exist
 */
export async function readMetadata(
  file: string,
  column: string | undefined,
): Promise<Labelled[] | undefined> {
  const rows = file.endsWith(".csv") ? await readCsv(file) : await readJsonLines(file);
  const name = column ?? "label";
  const columns = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  if (!columns.includes("file_name")) {
    throw new FileError(file, "has no column file_name", { hint: `its columns are ${columns.join(", ")}` });
  }
  if (!columns.includes(name)) {
    if (column === undefined) return undefined;
    throw new ConfigError("/dataset/labelColumn", `${file} has no column "${column}"`, {
      hint: `its columns are ${columns.join(", ")}`,
    });
  }
  return rows.map(({ line, values }) => {
    const { file_name: image, [name]: label } = values;
    if (typeof image !== "string" || image === "") throw new FileError(`${file}:${line}`, "has no file_name");
    if ((typeof label !== "string" && typeof label !== "number") || label === "") {
      throw new FileError(`${file}:${line}`, `has no label in the column "${name}"`);
    }
    const normal = path.posix.normalize(image.replaceAll("\\", "/"));
    if (normal.startsWith("../") || path.posix.isAbsolute(normal)) {
      throw new FileError(`${file}:${line}`, `${image} lies outside of the folder of the metadata`);
    }
    return { image: normal, label: String(label), line };
  });
}

async function readCsv(file: string): Promise<Row[]> {
  const [header, ...records] = parseCsv(await readText(file, "metadata file"), file);
  if (header === undefined) throw new FileError(file, "the metadata file is empty");
  const names = header.fields.map((name) => name.trim());
  return records.map(({ line, fields }) => {
    if (fields.length !== names.length) {
      throw new FileError(`${file}:${line}`, `has ${fields.length} fields, the first line ${names.length}`);
    }
    return { line, values: Object.fromEntries(names.map((name, i) => [name, fields[i]])) };
  });
}

async function readJsonLines(file: string): Promise<Row[]> {
  return (await readLines(file, "metadata file")).map(({ text, number }) => {
    let values: unknown;
    try {
      values = JSON.parse(text);
    } catch (cause) {
      throw new FileError(`${file}:${number}`, `is not JSON: ${(cause as Error).message}`, { cause });
    }
    if (typeof values !== "object" || values === null || Array.isArray(values)) {
      throw new FileError(`${file}:${number}`, "is not a JSON object");
    }
    return { line: number, values: values as Row["values"] };
  });
}
