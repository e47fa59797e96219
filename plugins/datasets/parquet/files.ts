import { readdir } from "node:fs/promises";
import path from "node:path";
import { DualtailError, FileError } from "../../../core/plugin-api/index.ts";
import { byName } from "../shared/files.ts";
import { SPLIT_ALIASES, SPLITS, type SplitName } from "../shared/split-names.ts";

/** Files of each split, in the order of their shards. */
export type SplitFiles = Readonly<Partial<Record<SplitName, readonly string[]>>>;

interface Found {
  readonly file: string;
  readonly split: string;
  /** Folder of the hub's subset, relative to the root. */
  readonly subset: string;
  /** Number of shards that the name promises. */
  readonly of?: number;
}

const SHARD = /^(.+?)-(\d+)-of-(\d+)(?:-[0-9a-f]+)?$/;

/** What a file's place says: `data/train-00000-of-00002.parquet`, `default/train/0000.parquet` or `train.parquet`. */
export function placeOf(relative: string): Found {
  const folder = path.posix.dirname(relative);
  const stem = path.posix.basename(relative, ".parquet");
  const shard = SHARD.exec(stem);
  if (shard) return { file: relative, split: shard[1]!, subset: folder, of: Number(shard[3]) };
  if (/^\d+$/.test(stem) && folder !== ".") {
    const split = path.posix.basename(folder).replace(/^partial-/, "");
    return { file: relative, split, subset: path.posix.dirname(folder) };
  }
  return { file: relative, split: stem.replace(/[-_.]\d+$/, ""), subset: folder };
}

/**
 * Finds the parquet files of the splits below `root`.
 * @param wanted the dataset's own names of the splits, where they are not the usual ones
 * @throws DualtailError when there are none, a shard is missing or the files belong to several subsets
 */
export async function findSplitFiles(
  root: string,
  wanted: Readonly<Partial<Record<SplitName, string | undefined>>>,
): Promise<SplitFiles> {
  const found = (await list(root)).map(placeOf);
  if (found.length === 0)
    throw new DualtailError(`${root}: there is no parquet file in this folder or below`);
  const subsets = [...new Set(found.map(({ subset }) => subset))];
  if (subsets.length > 1) {
    throw new DualtailError(`${root}: the parquet files belong to several subsets: ${subsets.join(", ")}`, {
      hint: "set root to the folder of one",
    });
  }
  const names = [...new Set(found.map(({ split }) => split))];
  const out: Partial<Record<SplitName, readonly string[]>> = {};
  for (const split of SPLITS) {
    const given = wanted[split];
    const name = given ?? SPLIT_ALIASES[split].find((alias) => names.includes(alias));
    if (name === undefined) continue;
    const shards = found.filter((entry) => entry.split === name);
    if (shards.length === 0) {
      throw new DualtailError(`${root}: no parquet file of a split "${name}"`, {
        hint: `the files are of ${names.join(", ")}`,
      });
    }
    const promised = Math.max(...shards.map(({ of }) => of ?? 0));
    if (promised > 0 && promised !== shards.length) {
      throw new DualtailError(
        `${root}: ${shards.length} of the ${promised} parquet files of ${name} are there`,
        {
          hint: "fetch the missing files",
        },
      );
    }
    out[split] = shards.map(({ file }) => path.join(root, file));
  }
  return out;
}

async function list(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && entry.name.endsWith(".parquet"))
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
      .filter((relative) => !relative.split("/").some((part) => part.startsWith(".")))
      .sort(byName);
  } catch (cause) {
    throw new FileError(root, "the folder cannot be read", {
      hint: "check root; it is relative to the folder of the configuration",
      cause,
    });
  }
}
