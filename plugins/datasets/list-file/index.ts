import path from "node:path";
import { defineDataset } from "../../../core/plugin-api/index.ts";
import { loadLists } from "../shared/lists/load-lists.ts";
import { readLines } from "../shared/text-lines.ts";

export interface ListFileOptions {
  readonly root: string;
  readonly train: string;
  readonly validation?: string;
  readonly test: string;
  readonly classNames: string;
}

const text = (description: string) => ({ type: "string", minLength: 1, description });

/** Images on disk, listed in text files of `relative/path label` as the long-tailed benchmarks publish them. */
export const plugin = defineDataset<ListFileOptions>({
  name: "list-file",
  summary: "Images listed in text files, one `relative/path label` per line",
  options: {
    type: "object",
    properties: {
      root: text("Folder that the paths in the lists are relative to"),
      train: text("List of the training split"),
      validation: text("List of the validation split"),
      test: text("List of the test split, best balanced"),
      classNames: text(
        "File with the name of class 0 on its first line, of class 1 on its second, and so on",
      ),
    },
    required: ["root", "train", "test", "classNames"],
    additionalProperties: false,
  },
  async load({ baseDir }, options) {
    const at = (file: string) => path.resolve(baseDir, file);
    const root = at(options.root);
    const namesFile = at(options.classNames);
    const classNames = (await readLines(namesFile, "class name file")).map((line) => line.text);

    const { lists: _, ...splits } = await loadLists({
      root,
      train: at(options.train),
      validation: options.validation && at(options.validation),
      test: at(options.test),
      classNames,
      namesFile,
      check: "every",
    });
    return {
      name: path.basename(options.train, path.extname(options.train)),
      classNames,
      ...splits,
      source: root,
    };
  },
});
