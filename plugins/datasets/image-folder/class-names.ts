import { FileError } from "../../../core/plugin-api/index.ts";
import { readLines } from "../shared/text-lines.ts";

/**
 * Names for prompts, one per class folder (in their order). A line of the file is `folder<TAB>name`; without any tab,
 * the lines are names in the alphabetical order of the folders.
 * @throws FileError with file and line.
 */
export async function readClassNames(file: string, folders: readonly string[]): Promise<string[]> {
  const lines = await readLines(file, "class name file");
  const at = (number: number) => `${file}:${number}`;
  if (!lines.some(({ text }) => text.includes("\t"))) {
    if (lines.length !== folders.length) {
      throw new FileError(file, `${lines.length} names for ${folders.length} class folders`, {
        hint: "one name per class folder, in alphabetical order of the folders, or lines of folder, tab, name",
      });
    }
    return lines.map(({ text }) => text);
  }
  const names = new Map<string, string>();
  for (const { text, number } of lines) {
    const [folder = "", name = "", ...more] = text.split("\t").map((part) => part.trim());
    if (folder === "" || name === "" || more.length > 0) {
      throw new FileError(at(number), `"${text}" is not a folder, a tab and a name`);
    }
    if (names.has(folder)) throw new FileError(at(number), `the folder "${folder}" is named twice`);
    names.set(folder, name);
  }
  return folders.map((folder) => {
    const name = names.get(folder);
    if (name === undefined) throw new FileError(file, `no name for the class folder "${folder}"`);
    return name;
  });
}
