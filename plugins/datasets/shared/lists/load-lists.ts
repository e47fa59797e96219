import path from "node:path";
import { type Dataset, FileError, type Split } from "../../../../core/plugin-api/index.ts";
import { digestOf } from "../digest.ts";
import { fileSizes } from "../files.ts";
import { readText } from "../text-lines.ts";
import { type List, parseList } from "./parse-list.ts";

/** Lists of one dataset and what their labels mean. */
export interface ListFiles {
  /** Folder that the paths in the lists are relative to. */
  readonly root: string;
  readonly train: string;
  readonly validation?: string | undefined;
  readonly test: string;
  readonly classNames: readonly string[];
  /** Where the names come from, for messages. */
  readonly namesFile: string;
  /**
   * `every`: each image must exist, and its size goes into the digest. `some`: only a few per list are looked up, which
   * finds a wrong root at once but takes no minutes on half a million files; the digest is that of the lists.
   */
  readonly check: "every" | "some";
  /** Replaces the labels of the lists, e.g. by those of a higher taxonomic level: label in the list → label. */
  readonly relabel?: Int32Array;
}

export type LoadedLists = Pick<Dataset, "train" | "validation" | "test" | "digest"> & {
  /** As read, before `relabel`. */
  readonly lists: { readonly train: List; readonly validation?: List; readonly test: List };
};

const UNUSUAL = /[\\:]|(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * `path.resolve`, which keeps several strings per path alive, only where there is something to resolve: on half a million
 * paths the difference is 180 MB.
 */
const join = (root: string, relative: string) =>
  UNUSUAL.test(relative) ? path.resolve(root, relative) : `${root}${path.sep}${relative}`;

/** How many images of a list are looked up when not all are. */
const SAMPLES = 16;

/**
 * Reads the lists of the splits.
 * @throws FileError with file and line for a bad line, an unknown label or an image that is missing
 * @throws FileError when a class has no training or no test image
 */
export async function loadLists(files: ListFiles): Promise<LoadedLists> {
  const { root, classNames, namesFile, check, relabel } = files;
  const classes = relabel?.length ?? classNames.length;
  const digested: (string | Uint8Array)[] = [JSON.stringify(classNames)];
  const read = async (file: string, split: string, complete: boolean) => {
    const what = `${split} list`;
    const list = parseList(await readText(file, what), { file, what, classes, namesFile });
    const labels = relabel ? list.labels.map((label) => relabel[label]!) : list.labels;
    if (complete) requireEveryClass(labels, file, split, classNames);
    const paths = list.paths.map((relative) => join(root, relative));
    const sizes = await lookUp(list, paths, check);
    digested.push(
      list.paths.join("\n"),
      new Uint8Array(Int32Array.from(labels).buffer),
      JSON.stringify(sizes),
    );
    return { list, split: { images: paths.map((path) => ({ kind: "file", path })), labels } satisfies Split };
  };
  const train = await read(files.train, "training", true);
  const validation = files.validation ? await read(files.validation, "validation", false) : undefined;
  const test = await read(files.test, "test", true);
  return {
    train: train.split,
    ...(validation && { validation: validation.split }),
    test: test.split,
    digest: digestOf(digested),
    lists: { train: train.list, ...(validation && { validation: validation.list }), test: test.list },
  };
}

/** Sizes of the images, none where only some are looked up. @throws FileError for an image that does not exist */
async function lookUp(list: List, paths: readonly string[], check: "every" | "some"): Promise<number[]> {
  const wanted =
    check === "every" || paths.length <= SAMPLES
      ? paths.map((_, i) => i)
      : Array.from({ length: SAMPLES }, (_, i) => Math.round((i * (paths.length - 1)) / (SAMPLES - 1)));
  const sizes = await fileSizes(wanted.map((i) => paths[i]!));
  const missing = wanted[sizes.indexOf(-1)];
  if (missing !== undefined) {
    throw new FileError(`${list.file}:${list.lines[missing]}`, `the image ${paths[missing]} does not exist`, {
      hint: "check root; the paths in the list are relative to it",
    });
  }
  return check === "every" ? sizes : [];
}

function requireEveryClass(
  labels: Int32Array,
  file: string,
  split: string,
  classNames: readonly string[],
): void {
  const seen = new Uint8Array(classNames.length);
  for (const label of labels) seen[label] = 1;
  const label = seen.indexOf(0);
  if (label < 0) return;
  throw new FileError(file, `the class "${classNames[label]}" (label ${label}) has no ${split} image`, {
    hint: "every class needs images in this list",
  });
}
