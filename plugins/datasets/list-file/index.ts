import path from "node:path";
import { DualtailError, defineDataset, FileError, type Split } from "../../../core/plugin-api/index.ts";
import { digestOf } from "../shared/digest.ts";
import { fileSizes } from "../shared/files.ts";
import { readLines } from "../shared/text-lines.ts";
import { type Entry, readList } from "./read-list.ts";

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
  summary:
    "Images listed in text files, one `relative/path label` per line (ImageNet-LT, Places-LT, iNaturalist)",
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

    const digested: string[] = [JSON.stringify(classNames)];
    const read = async (list: string, split: string) => {
      const entries = await readList(list, `${split} list`, classNames.length, namesFile);
      const paths = entries.map((entry) => path.resolve(root, entry.file));
      const sizes = await fileSizes(paths);
      const missing = sizes.indexOf(-1);
      if (missing >= 0) {
        throw new FileError(
          `${list}:${entries[missing]!.line}`,
          `the image ${paths[missing]} does not exist`,
          {
            hint: "check root; the paths in the list are relative to it",
          },
        );
      }
      digested.push(JSON.stringify([entries.map(({ file, label }) => [file, label]), sizes]));
      return { entries, split: toSplit(entries, paths) };
    };
    const train = await read(at(options.train), "training");
    requireEveryClass(train.entries, at(options.train), "training", classNames);
    const validation = options.validation ? await read(at(options.validation), "validation") : undefined;
    const test = await read(at(options.test), "test");
    requireEveryClass(test.entries, at(options.test), "test", classNames);
    return {
      name: path.basename(options.train, path.extname(options.train)),
      classNames,
      train: train.split,
      validation: validation?.split,
      test: test.split,
      digest: digestOf(digested),
      source: root,
    };
  },
});

function toSplit(entries: readonly Entry[], paths: readonly string[]): Split {
  return {
    images: paths.map((file) => ({ kind: "file", path: file })),
    labels: Int32Array.from(entries, ({ label }) => label),
  };
}

function requireEveryClass(
  entries: readonly Entry[],
  list: string,
  split: string,
  classNames: readonly string[],
) {
  const seen = new Set(entries.map(({ label }) => label));
  const absent = classNames.findIndex((_, label) => !seen.has(label));
  if (absent < 0) return;
  throw new DualtailError(
    `${list}: the class "${classNames[absent]}" (label ${absent}) has no ${split} image`,
    {
      hint: "list one, or take the class out of the class name file and of every list",
    },
  );
}
