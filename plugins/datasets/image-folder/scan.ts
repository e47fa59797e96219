import { readdir } from "node:fs/promises";
import path from "node:path";
import { FileError } from "../../../core/plugin-api/index.ts";
import { byName } from "../shared/files.ts";

/** What lies in the folder of one split; paths are relative to it, with slashes, in code-unit order. */
export interface Scan {
  readonly folder: string;
  readonly images: readonly string[];
  /** Sub-folders at any depth. */
  readonly folders: readonly string[];
}

/** Images per class, both in code-unit order; paths are relative to the folder of the split. */
export type Classes = ReadonlyMap<string, readonly string[]>;

/** Which folder above an image is its class: the first below the split, or the one that it lies in. */
export type ClassFolder = "outer" | "inner";

/**
 * Lists the images below a folder. Hidden files and folders, and files with other extensions, are passed over.
 * @throws FileError when the folder is missing or is a file
 */
export async function scanSplit(folder: string, split: string, extensions: readonly string[]): Promise<Scan> {
  const entries = (await list(folder, split))
    .map((entry) => ({
      directory: entry.isDirectory(),
      name: path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"),
    }))
    .filter(({ name }) => !name.split("/").some((part) => part.startsWith(".")));
  const wanted = new Set(extensions.map((extension) => `.${extension.replace(/^\./, "").toLowerCase()}`));
  return {
    folder,
    images: entries
      .filter(({ directory, name }) => !directory && wanted.has(path.extname(name).toLowerCase()))
      .map(({ name }) => name)
      .sort(byName),
    folders: entries
      .filter(({ directory }) => directory)
      .map(({ name }) => name)
      .sort(byName),
  };
}

/**
 * Classes by folder; those without images too, so that they can be told.
 * @throws FileError when there is no sub-folder
 */
export function classesByFolder(
  { folder, images, folders }: Scan,
  split: string,
  which: ClassFolder,
): Classes {
  const outer = folders.filter((name) => !name.includes("/"));
  if (outer.length === 0) {
    throw new FileError(folder, `the ${split} folder has no sub-folder`, {
      hint: "make one sub-folder per class",
    });
  }
  const parents = new Set(folders.map((name) => path.posix.dirname(name)));
  const leaves = folders.filter((name) => !parents.has(name));
  const classOf = (image: string) =>
    which === "outer" ? image.slice(0, image.indexOf("/")) : path.posix.basename(path.posix.dirname(image));
  const inside = images.filter((image) => image.includes("/"));
  const empty = which === "outer" ? outer : leaves.map((name) => path.posix.basename(name));
  return groupBy(inside, classOf, empty);
}

/** Groups items, in their order, under keys in code-unit order; `keys` are there even when they get none. */
export function groupBy(
  items: readonly string[],
  keyOf: (item: string) => string,
  keys: readonly string[] = [],
): Classes {
  const groups = new Map<string, string[]>();
  for (const key of [...new Set([...keys, ...items.map(keyOf)])].sort(byName)) groups.set(key, []);
  for (const item of items) groups.get(keyOf(item))!.push(item);
  return groups;
}

/** As Hugging Face does it, classes are the innermost folders when all images lie equally deep below several folders. */
export function usualClassFolder({ images }: Scan): ClassFolder {
  const depths = new Set(images.map((image) => image.split("/").length - 1));
  return depths.size === 1 && !depths.has(0) && !depths.has(1) ? "inner" : "outer";
}

async function list(folder: string, split: string) {
  try {
    return await readdir(folder, { withFileTypes: true, recursive: true });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const problem =
      code === "ENOENT" ? "does not exist" : code === "ENOTDIR" ? "is not a folder" : "cannot be read";
    throw new FileError(folder, `the ${split} folder ${problem}`, {
      hint: "check the path; it is relative to the folder of the configuration",
      cause,
    });
  }
}
