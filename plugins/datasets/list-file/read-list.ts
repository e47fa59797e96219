import { FileError } from "../../../core/plugin-api/index.ts";
import { readLines } from "../shared/text-lines.ts";

export interface Entry {
  /** As written, relative to the root. */
  readonly file: string;
  readonly label: number;
  readonly line: number;
}

/**
 * Reads a list of `relative/path label` lines; the path may contain spaces, the label is the last word.
 * @throws FileError with file and line for a line that is not of this form or a label outside [0, classes).
 */
export async function readList(
  list: string,
  what: string,
  classes: number,
  namesFile: string,
): Promise<Entry[]> {
  return (await readLines(list, what)).map(({ text, number }) => {
    const [, file, word] = /^(.*\S)\s+(\S+)$/.exec(text) ?? [];
    if (file === undefined || word === undefined || !/^\d+$/.test(word)) {
      throw new FileError(`${list}:${number}`, `"${text}" is not a path and a label`, {
        hint: "write relative/path, a space, and the number of the class from 0",
      });
    }
    const label = Number(word);
    if (label >= classes) {
      throw new FileError(`${list}:${number}`, `the label ${label} is not one of the ${classes} classes`, {
        hint: `${namesFile} names the classes 0 to ${classes - 1}`,
      });
    }
    return { file, label, line: number };
  });
}
