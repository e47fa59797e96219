import { FileError } from "../../../../core/plugin-api/index.ts";
import { readLines } from "../text-lines.ts";
import type { ClassInfo } from "./list-benchmark.ts";

/**
 * Reads a class file of `folder name` lines, in the order of the labels: the first word is the folder of the class's
 * images, the rest its name for prompts, spaces and parentheses included.
 * @throws FileError with file and line for a line without a name or a folder that comes twice
 */
export async function readFolderNames(
  file: string,
  folder = /^\S+$/,
  example = "folder",
): Promise<ClassInfo> {
  const lines = await readLines(file, "class name file");
  const lineOf = new Map<string, number>();
  const classNames = lines.map(({ text, number }) => {
    const [first = "", ...rest] = text.split(/\s+/);
    if (rest.length === 0 || !folder.test(first)) {
      throw new FileError(`${file}:${number}`, `"${text}" is not the folder of a class and its name`, {
        hint: `write one line per class, in the order of the labels: ${example}, a space, and the name`,
      });
    }
    const before = lineOf.get(first);
    if (before !== undefined) {
      throw new FileError(`${file}:${number}`, `the folder ${first} is named in line ${before} too`);
    }
    lineOf.set(first, number);
    return rest.join(" ");
  });
  return { classNames, folders: [...lineOf.keys()] };
}
