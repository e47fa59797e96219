import { readdir } from "node:fs/promises";
import path from "node:path";
import { FileError } from "../../../core/plugin-api/index.ts";
import { byName } from "../shared/files.ts";

/** Image files per class folder, both in code-unit order; paths are relative to the class folder. */
export type ClassFolders = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the folder of one split: every sub-folder is a class, its images lie in it at any depth. Hidden entries and
 * files with other extensions are passed over.
 * @throws FileError when the folder is missing, is a file, or has no sub-folder.
 */
export async function scanSplit(
  folder: string,
  split: string,
  extensions: readonly string[],
): Promise<ClassFolders> {
  const entries = await list(folder, split);
  const names = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name);
  if (names.length === 0) {
    throw new FileError(folder, `the ${split} folder has no sub-folder`, {
      hint: "make one sub-folder per class",
    });
  }
  const wanted = new Set(extensions.map((extension) => `.${extension.replace(/^\./, "").toLowerCase()}`));
  const classes = new Map<string, readonly string[]>();
  for (const name of names.sort(byName)) {
    const inside = path.join(folder, name);
    const files = await readdir(inside, { withFileTypes: true, recursive: true });
    const images = files
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
      .filter((entry) => wanted.has(path.extname(entry.name).toLowerCase()))
      .map((entry) =>
        path.relative(inside, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"),
      );
    classes.set(name, images.sort(byName));
  }
  return classes;
}

async function list(folder: string, split: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
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
