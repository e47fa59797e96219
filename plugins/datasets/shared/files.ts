import { stat } from "node:fs/promises";

/**
 * Sizes of files in bytes, 64 at a time; -1 where there is no regular file.
 * @throws whatever the file system reports besides a missing file.
 */
export async function fileSizes(paths: readonly string[]): Promise<number[]> {
  const sizes = new Array<number>(paths.length).fill(-1);
  let next = 0;
  const worker = async () => {
    while (next < paths.length) {
      const i = next++;
      try {
        const entry = await stat(paths[i]!);
        if (entry.isFile()) sizes[i] = entry.size;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  return sizes;
}

/** Code-unit order: the same on every machine and locale. */
export const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
