import { existsSync } from "node:fs";
import path from "node:path";
import {
  type Dataset,
  type DatasetContext,
  type DatasetPlugin,
  defineDataset,
  FileError,
  type JsonSchema,
} from "../../../../core/plugin-api/index.ts";
import { type LoadedLists, loadLists } from "./load-lists.ts";
import type { List } from "./parse-list.ts";

export interface ListBenchmarkOptions {
  readonly root: string;
  readonly lists?: string;
  readonly train?: string;
  readonly validation?: string;
  readonly test?: string;
  readonly classNames?: string;
}

/** What the labels of a benchmark's lists mean. */
export interface ClassInfo {
  readonly classNames: readonly string[];
  /** Label in the lists → label of the dataset, where they differ. */
  readonly relabel?: Int32Array;
  /** Folder whose images the class file gives to each label of the lists. */
  readonly folders?: readonly string[];
}

/** What is known about a published benchmark. */
export interface BenchmarkFacts {
  readonly classes: number;
  readonly trainImages: number;
  /** Training images of the most frequent and of the rarest class. */
  readonly most: number;
  readonly least: number;
  readonly testImages: number;
}

export interface ListBenchmark<O extends ListBenchmarkOptions> {
  readonly name: string;
  readonly summary: string;
  /** Sub-folder that LIFT keeps the files in, and their names there. */
  readonly folder: string;
  readonly files: {
    readonly train: string;
    readonly validation?: string;
    readonly test: string;
    readonly classNames: string;
  };
  readonly facts: BenchmarkFacts;
  readonly options?: JsonSchema["properties"];
  /** Added to the dataset's name, e.g. "genus"; also means that the facts do not apply. */
  variant?(options: O): string | undefined;
  readClasses(file: string, options: O): Promise<ClassInfo>;
}

/** Declares a published benchmark by its list files. Images are not all looked up while loading. */
export function defineListBenchmark<O extends ListBenchmarkOptions = ListBenchmarkOptions>(
  benchmark: ListBenchmark<O>,
): DatasetPlugin<O> {
  const { name, summary, files, facts } = benchmark;
  const file = (what: string, standard: string) => ({
    type: "string",
    minLength: 1,
    description: `${what}; default: ${standard} in \`lists\``,
  });
  return defineDataset<O>({
    name,
    summary,
    options: {
      type: "object",
      properties: {
        root: {
          type: "string",
          minLength: 1,
          description: "Folder that the paths in the lists are relative to",
        },
        lists: {
          type: "string",
          minLength: 1,
          description: `Folder of the list files, or the one that has them in a folder ${benchmark.folder}; default: root`,
        },
        train: file("List of the training split", files.train),
        validation: file(
          "List of the validation split",
          files.validation ? `${files.validation} where it exists` : "none",
        ),
        test: file("List of the test split", files.test),
        classNames: file("File of the class names", files.classNames),
        ...benchmark.options,
      },
      required: ["root"],
      additionalProperties: false,
    },
    async load(context, options): Promise<Dataset> {
      const root = path.resolve(context.baseDir, options.root);
      const find = finder(context, options, benchmark.folder);
      const namesFile = find("classNames", files.classNames);
      const classes = await benchmark.readClasses(namesFile, options);
      const { lists, ...splits } = await loadLists({
        root,
        train: find("train", files.train),
        validation: find.optional("validation", files.validation),
        test: find("test", files.test),
        classNames: classes.classNames,
        ...(classes.relabel && { relabel: classes.relabel }),
        namesFile,
        check: "some",
      });
      const variant = benchmark.variant?.(options);
      if (variant === undefined) warnOfOtherFacts(context, name, lists, splits, facts);
      if (classes.folders) warnOfOtherOrder(context, name, lists.train, classes.folders, namesFile);
      return {
        name: variant === undefined ? name : `${name}-${variant}`,
        classNames: classes.classNames,
        ...splits,
        source: root,
      };
    },
  });
}

type FileOption = "train" | "validation" | "test" | "classNames";

/** Finds the benchmark's files: as given, else by their usual names. */
function finder({ baseDir }: DatasetContext, options: ListBenchmarkOptions, subfolder: string) {
  const folder = path.resolve(baseDir, options.lists ?? options.root);
  const optional = (option: FileOption, standard: string | undefined): string | undefined => {
    const given = options[option];
    if (given !== undefined) return path.resolve(baseDir, given);
    if (standard === undefined) return undefined;
    return [path.join(folder, standard), path.join(folder, subfolder, standard)].find((file) =>
      existsSync(file),
    );
  };
  const required = (option: FileOption, standard: string): string => {
    const file = optional(option, standard);
    if (file !== undefined) return file;
    throw new FileError(path.join(folder, standard), `does not exist, neither here nor in ${subfolder}`, {
      hint: `set lists to the folder of the list files, or ${option} to this file`,
    });
  };
  return Object.assign(required, { optional });
}

function warnOfOtherFacts(
  { warn }: DatasetContext,
  name: string,
  lists: LoadedLists["lists"],
  { train, test }: Pick<LoadedLists, "train" | "test">,
  facts: BenchmarkFacts,
): void {
  const counts: number[] = [];
  for (const label of train.labels) counts[label] = (counts[label] ?? 0) + 1;
  const found: BenchmarkFacts = {
    classes: counts.length,
    trainImages: train.labels.length,
    most: counts.reduce((a, b) => Math.max(a, b)),
    least: counts.reduce((a, b) => Math.min(a, b)),
    testImages: test.labels.length,
  };
  const training = ({ classes, trainImages, most, least }: BenchmarkFacts) =>
    `${trainImages} images of ${classes} classes, ${most} to ${least} per class`;
  if (training(found) !== training(facts)) {
    warn(`${name}: ${lists.train.file} has ${training(found)}; the benchmark has ${training(facts)}`);
  }
  if (found.testImages !== facts.testImages) {
    warn(`${name}: ${lists.test.file} has ${found.testImages} images; the benchmark has ${facts.testImages}`);
  }
}

/** A class file in another order than the lists' labels gives every image a wrong name, and training still runs. */
function warnOfOtherOrder(
  { warn }: DatasetContext,
  name: string,
  list: List,
  folders: readonly string[],
  namesFile: string,
): void {
  const labelOf = new Map(folders.map((folder, label) => [folder, label]));
  const seen = new Set<number>();
  const wrong: string[] = [];
  for (const [i, label] of list.labels.entries()) {
    if (seen.has(label)) continue;
    seen.add(label);
    const named = list.paths[i]!.split("/").flatMap((part) => labelOf.get(part) ?? []);
    if (named.length === 0 || named.includes(label)) continue;
    wrong.push(`${label} is ${folders[named[0]!]} there and ${folders[label]} here`);
  }
  if (wrong.length === 0) return;
  const shown = `${wrong.slice(0, 5).join(", ")}${wrong.length > 5 ? ", …" : ""}`;
  warn(
    `${name}: the image folders of ${list.file} and the order of ${namesFile} disagree on ${wrong.length} of ${folders.length} classes, ` +
      `whose prompts have the wrong name (${shown}); put the lines of the class file in the order of the labels`,
  );
}
