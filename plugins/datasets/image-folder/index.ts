import { existsSync } from "node:fs";
import path from "node:path";
import {
  ConfigError,
  type DatasetContext,
  DualtailError,
  defineDataset,
  type Split,
} from "../../../core/plugin-api/index.ts";
import { digestOf } from "../shared/digest.ts";
import { fileSizes } from "../shared/files.ts";
import { subsampleLongTail } from "../shared/subsample.ts";
import { readClassNames } from "./class-names.ts";
import { type ClassFolders, scanSplit } from "./scan.ts";

export interface ImageFolderOptions {
  readonly root?: string;
  readonly train?: string;
  readonly validation?: string;
  readonly test?: string;
  readonly classNames?: string;
  readonly extensions?: readonly string[];
  readonly imbalanceRatio?: number;
  readonly maxPerClass?: number;
}

const EXTENSIONS = ["jpg", "jpeg", "png", "webp", "gif", "avif", "tif", "tiff", "svg"];
const text = (description: string) => ({ type: "string", minLength: 1, description });

/** Images on disk, one sub-folder per class and split. */
export const plugin = defineDataset<ImageFolderOptions>({
  name: "image-folder",
  summary: "Images in one sub-folder per class, in a folder per split",
  options: {
    type: "object",
    properties: {
      root: text("Folder with the folders train, test and, if there is one, validation (or val)"),
      train: text("Folder of the training split; default <root>/train"),
      validation: text(
        "Folder of the validation split; default <root>/validation or <root>/val where it exists",
      ),
      test: text("Folder of the test split, best balanced; default <root>/test"),
      classNames: text(
        "File with names for prompts: folder, tab, name; or names in alphabetical order of the folders",
      ),
      extensions: {
        type: "array",
        items: { type: "string", minLength: 1 },
        minItems: 1,
        default: EXTENSIONS,
        description: "File name extensions of images",
      },
      imbalanceRatio: {
        type: "number",
        minimum: 1,
        description:
          "Thins the training split to a long tail: images of the most frequent class over those of the rarest",
      },
      maxPerClass: {
        type: "integer",
        minimum: 1,
        description: "With imbalanceRatio: training images of the most frequent class",
      },
    },
    additionalProperties: false,
  },
  async load(context, options) {
    const { extensions = EXTENSIONS, imbalanceRatio, maxPerClass } = options;
    const folders = locate(context, options);
    const scanned = {
      train: await scanSplit(folders.train, "training", extensions),
      validation: folders.validation
        ? await scanSplit(folders.validation, "validation", extensions)
        : undefined,
      test: await scanSplit(folders.test, "test", extensions),
    };
    const classes = [...scanned.train.keys()];
    check(scanned.train, folders.train, "training", classes, extensions);
    if (scanned.validation)
      check(scanned.validation, folders.validation!, "validation", classes, extensions, true);
    check(scanned.test, folders.test, "test", classes, extensions);
    const classNames = options.classNames
      ? await readClassNames(path.resolve(context.baseDir, options.classNames), classes)
      : classes;

    const digested: (string | Uint8Array)[] = [JSON.stringify(classNames)];
    const toSplit = async (folder: string, perClass: readonly (readonly string[])[]): Promise<Split> => {
      const relative = perClass.flatMap((files, label) => files.map((file) => `${classes[label]}/${file}`));
      const labels = Int32Array.from(perClass.flatMap((files, label) => files.map(() => label)));
      const paths = relative.map((file) => path.join(folder, file));
      digested.push(JSON.stringify([[...labels], relative, await fileSizes(paths)]));
      return { images: paths.map((file) => ({ kind: "file", path: file })), labels };
    };
    const filesOf = (split: ClassFolders) => classes.map((name) => split.get(name) ?? []);
    const all = filesOf(scanned.train);
    const chosen = imbalanceRatio
      ? subsampleLongTail(all, { imbalanceRatio, maxPerClass, seed: context.seed })
      : all;
    const train = await toSplit(folders.train, chosen);
    const validation =
      scanned.validation && (await toSplit(folders.validation!, filesOf(scanned.validation)));
    const test = await toSplit(folders.test, filesOf(scanned.test));
    const source = options.root ? path.resolve(context.baseDir, options.root) : folders.train;
    return {
      name: imbalanceRatio ? `${path.basename(source)}-ir${imbalanceRatio}` : path.basename(source),
      classNames,
      train,
      validation,
      test,
      digest: digestOf(digested),
      source,
    };
  },
});

interface Folders {
  readonly train: string;
  readonly validation?: string;
  readonly test: string;
}

function locate({ baseDir }: DatasetContext, options: ImageFolderOptions): Folders {
  const under = (split: "train" | "validation" | "test", folder: string) => {
    const given = options[split];
    if (given !== undefined) return path.resolve(baseDir, given);
    return options.root === undefined ? undefined : path.resolve(baseDir, options.root, folder);
  };
  const required = (split: "train" | "test") => {
    const folder = under(split, split);
    if (folder !== undefined) return folder;
    throw new ConfigError("/dataset", `image-folder needs the folder "${split}", or "root"`, {
      hint: `set root to a folder with train and test in it, or set ${split}`,
    });
  };
  const validation = [under("validation", "validation"), under("validation", "val")].find(
    (folder) => folder !== undefined && (options.validation !== undefined || existsSync(folder)),
  );
  return { train: required("train"), validation, test: required("test") };
}

/** @throws DualtailError naming the class and folder that has no image, or that training does not know. */
function check(
  split: ClassFolders,
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
