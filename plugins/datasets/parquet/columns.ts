import { ConfigError, FileError } from "../../../core/plugin-api/index.ts";
import { elementsOf, type Table } from "./table.ts";

const IMAGE_NAMES = ["image", "img", "jpg", "png", "webp"];
const LABEL_NAMES = ["label", "labels", "fine_label", "class", "cls", "target"];

/** The column to take: the one asked for, else the only one with the feature type, else one with a usual name. */
function choose(
  table: Table,
  option: "imageColumn" | "labelColumn",
  given: string | undefined,
  type: string,
  usual: readonly string[],
): string {
  const { file, columns, features } = table;
  const known = `the columns of ${file} are ${columns.join(", ")}`;
  if (given !== undefined) {
    if (columns.includes(given)) return given;
    throw new ConfigError(`/dataset/${option}`, `there is no column "${given}"`, { hint: known });
  }
  const typed = columns.filter((column) => features[column]?._type === type);
  const named = usual.find((name) => columns.includes(name));
  const chosen =
    typed.length === 1 ? typed[0] : typed.length > 1 ? typed.find((name) => name === named) : named;
  if (chosen !== undefined) return chosen;
  const problem =
    typed.length > 1
      ? `it could be ${typed.join(" or ")}`
      : "no column is declared as it or has a usual name";
  throw new ConfigError(`/dataset/${option}`, `cannot tell the ${option}: ${problem}`, {
    hint: `set ${option}; ${known}`,
  });
}

/** Path of the binary column with the images: `image.bytes` of the hub's struct {bytes, path}, or a plain binary column. */
export function imagePath(table: Table, given: string | undefined): readonly string[] {
  const column = choose(table, "imageColumn", given, "Image", IMAGE_NAMES);
  const [element] = elementsOf(table.metadata, [column])!;
  const path = element!.num_children ? [column, "bytes"] : [column];
  const elements = elementsOf(table.metadata, path);
  const leaf = elements?.at(-1);
  const isText = leaf?.converted_type === "UTF8" || leaf?.logical_type?.type === "STRING";
  const repeated = elements?.some(({ repetition_type }) => repetition_type === "REPEATED");
  if (leaf?.type !== "BYTE_ARRAY" || leaf.num_children || isText || repeated) {
    throw new FileError(table.file, `the column "${column}" holds no compressed images`, {
      hint: "it must be binary, or a struct with a binary field `bytes`; set imageColumn to another",
    });
  }
  return path;
}

export const labelColumn = (table: Table, given: string | undefined): string =>
  choose(table, "labelColumn", given, "ClassLabel", LABEL_NAMES);
