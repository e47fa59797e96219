import path from "node:path";
import {
  type Dataset,
  type DatasetContext,
  DualtailError,
  defineDataset,
  FileError,
  type Split,
} from "../../../core/plugin-api/index.ts";
import { digestOf } from "../shared/digest.ts";
import { fileSizes } from "../shared/files.ts";
import { SHAPE_OPTIONS, type ShapeOptions, shapeTrain } from "../shared/shape-train.ts";
import { readClassNames } from "./class-names.ts";
import { locate } from "./locate.ts";
import { findMetadata, readMetadata } from "./metadata.ts";
import {
  type Classes,
  type ClassFolder,
  classesByFolder,
  groupBy,
  type Scan,
  scanSplit,
  usualClassFolder,
} from "./scan.ts";

export interface ImageFolderOptions extends ShapeOptions {
  readonly root?: string;
  readonly train?: string;
  readonly validation?: string;
  readonly test?: string;
  readonly classFolder?: ClassFolder;
  readonly labelColumn?: string;
  readonly classNames?: string;
  readonly extensions?: readonly string[];
}

const EXTENSIONS = ["jpg", "jpeg", "png", "webp", "gif", "avif", "tif", "tiff", "svg"];
const text = (description: string) => ({ type: "string", minLength: 1, description });

/** Images on disk, one sub-folder per class and split, or labelled by a metadata file: Hugging Face's imagefolder. */
export const plugin = defineDataset<ImageFolderOptions>({
  name: "image-folder",
  summary: "Images in one sub-folder per class, or labelled in metadata.csv or .jsonl, in a folder per split",
  options: {
    type: "object",
    properties: {
      root: text(
        "Folder with the folders train, test and, if there is one, validation (or val, dev, eval, …); or with the classes themselves",
      ),
      train: text(
        "Folder of the training split; default: the one in root, or root itself if it has no split",
      ),
      validation: text("Folder of the validation split; default: the one in root where there is one"),
      test: text("Folder of the test split, best balanced; default: the one in root"),
      classFolder: {
        enum: ["outer", "inner"],
        description:
          "Whether the class is the first folder below the split or the one that the image lies in; default: inner if all images lie equally deep in several folders, else outer",
      },
      labelColumn: text(
        "Column of the labels in metadata.csv or metadata.jsonl, in the split's folder or root; default: label, where it exists",
      ),
      classNames: text(
        "File with names for prompts: folder or label, tab, name; or names in alphabetical order of the folders or labels",
      ),
      extensions: {
        type: "array",
        items: { type: "string", minLength: 1 },
        minItems: 1,
        default: EXTENSIONS,
        description: "File name extensions of images",
      },
      ...SHAPE_OPTIONS,
    },
    additionalProperties: false,
  },
  async load(context, options): Promise<Dataset> {
    const { extensions = EXTENSIONS, imbalanceRatio } = options;
    const folders = locate(context.baseDir, options);
    const trainScan = await scanSplit(folders.train, "training", extensions);
    const label = labeller(context, options, trainScan);
    const split = async (folder: string | undefined, name: string) =>
      folder === undefined ? undefined : label(await scanSplit(folder, name, extensions), name);
    const train = await label(trainScan, "training");
    const validation = await split(folders.validation, "validation");
    const test = await split(folders.test, "test");

    const { classes, classNames } = await namesOf(context, options, train);
    check(train, folders.train, "training", classes, extensions);
    if (validation) check(validation, folders.validation!, "validation", classes, extensions, true);
    if (test) check(test, folders.test!, "test", classes, extensions);

    const digested: (string | Uint8Array)[] = [JSON.stringify(classNames)];
    const toSplit = async (folder: string, perClass: readonly (readonly string[])[]): Promise<Split> => {
      const relative = perClass.flat();
      const labels = Int32Array.from(perClass.flatMap((files, label) => files.map(() => label)));
      const paths = relative.map((file) => path.join(folder, file));
      digested.push(JSON.stringify([[...labels], relative, await fileSizes(paths)]));
      return { images: paths.map((file) => ({ kind: "file", path: file })), labels };
    };
    const filesOf = (found: Classes) => classes.map((name) => found.get(name) ?? []);
    const shaped = shapeTrain(filesOf(train), options, { seed: context.seed, classNames });
    const source = options.root ? path.resolve(context.baseDir, options.root) : folders.train;
    return {
      name: imbalanceRatio ? `${path.basename(source)}-ir${imbalanceRatio}` : path.basename(source),
      classNames,
      train: await toSplit(folders.train, shaped.train),
      ...(validation && { validation: await toSplit(folders.validation!, filesOf(validation)) }),
      test: shaped.test
        ? await toSplit(folders.train, shaped.test)
        : await toSplit(folders.test!, filesOf(test!)),
      digest: digestOf(digested),
      source,
    };
  },
});

/** How the images of a split get their classes: by a metadata file where one has labels, else by folder. */
function labeller(context: DatasetContext, options: ImageFolderOptions, train: Scan) {
  const { labelColumn, classFolder = usualClassFolder(train) } = options;
  const root = options.root === undefined ? undefined : path.resolve(context.baseDir, options.root);
  let told = false;
  return async (scan: Scan, split: string): Promise<Classes> => {
    const file = findMetadata(scan.folder) ?? (root && findMetadata(root));
    const labelled = file && (await byMetadata(context, scan, split, file, labelColumn));
    if (labelled) return labelled;
    if (labelColumn !== undefined) {
      throw new FileError(scan.folder, `there is no metadata.csv or metadata.jsonl with "${labelColumn}"`, {
        hint: "put it in the folder of the split or in root, or take labelColumn out",
      });
    }
    if (classFolder === "inner" && options.classFolder === undefined && !told) {
      told = true;
      context.warn(
        `${scan.folder}: the innermost folders are the classes; set classFolder to outer for the first`,
      );
    }
    return classesByFolder(scan, split, classFolder);
  };
}

/** @throws FileError with the line of an image that does not exist, or comes twice */
async function byMetadata(
  { warn }: DatasetContext,
  { folder, images }: Scan,
  split: string,
  file: string,
  column: string | undefined,
): Promise<Classes | undefined> {
  const rows = await readMetadata(file, column);
  if (rows === undefined) {
    warn(
      `${file} has no column "label": the folders are the classes; set labelColumn to the column of the labels`,
    );
    return undefined;
  }
  const known = new Set(images);
  const labels = new Map<string, string>();
  for (const { image, label, line } of rows) {
    const relative = path.relative(folder, path.join(path.dirname(file), image)).replaceAll(path.sep, "/");
    if (relative.startsWith("../")) continue;
    const at = `${file}:${line}`;
    if (!known.has(relative)) {
      throw new FileError(at, `the image ${path.join(folder, relative)} does not exist`, {
        hint: "file_name is relative to the folder of the metadata file; images are known by their extensions",
      });
    }
    if (labels.has(relative)) throw new FileError(at, `${image} comes twice`);
    labels.set(relative, label);
  }
  const missing = images.length - labels.size;
  if (missing > 0) warn(`${file} does not list ${missing} of the ${split} images; they are left out`);
  const listed = images.filter((image) => labels.has(image));
  return groupBy(listed, (image) => labels.get(image)!);
}

/** Classes that are only numbers are ordered as such; they make no prompts, which is told. */
async function namesOf(
  { baseDir, warn }: DatasetContext,
  { classNames: file }: ImageFolderOptions,
  train: Classes,
): Promise<{ readonly classes: readonly string[]; readonly classNames: readonly string[] }> {
  const classes = [...train.keys()];
  const numbered = classes.length > 0 && classes.every((name) => /^\d{1,9}$/.test(name));
  if (numbered) classes.sort((a, b) => Number(a) - Number(b));
  if (file !== undefined) {
    return { classes, classNames: await readClassNames(path.resolve(baseDir, file), classes) };
  }
  if (numbered) {
    warn(
      `the classes are only numbers, ${classes[0]} to ${classes.at(-1)}: set classNames to a file with their names`,
    );
  }
  return { classes, classNames: classes };
}

/** @throws DualtailError naming the class and folder that has no image, or that training does not know. */
function check(
  split: Classes,
  folder: string,
  name: string,
  classes: readonly string[],
  extensions: readonly string[],
  mayLack = false,
): void {
  for (const known of classes) {
    if (mayLack || (split.get(known)?.length ?? 0) > 0) continue;
    throw new DualtailError(`${path.join(folder, known)}: the class "${known}" has no ${name} image`, {
      hint: `add images (${extensions.join(", ")}), or remove the class from every split`,
    });
  }
  for (const found of split.keys()) {
    if (classes.includes(found)) continue;
    throw new DualtailError(`${path.join(folder, found)}: the class "${found}" has no training image`, {
      hint: "training folder and class folders must carry the same names in every split",
    });
  }
}
