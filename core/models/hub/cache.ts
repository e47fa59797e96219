import { copyFile, mkdir, readFile, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { writeAtomically } from "../checkpoint/write-atomically.ts";

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * One model repository in the cache that Hugging Face's libraries share: contents in `blobs/`, by hash; one folder of
 * links per commit in `snapshots/`; `refs/<revision>` holds the commit a branch or tag stood at.
 */
export interface CachedRepo {
  readonly folder: string;
  /** Commit that a revision stood at when last fetched; undefined when it never was. */
  commitOf(revision: string): Promise<string | undefined>;
  snapshot(commit: string): string;
  blob(hash: string): string;
  /** Makes a fetched blob appear in a snapshot. */
  link(commit: string, path: string, hash: string): Promise<void>;
  remember(revision: string, commit: string): Promise<void>;
}

export function cachedRepo(cache: string, repo: string): CachedRepo {
  const folder = join(cache, `models--${repo.replaceAll("/", "--")}`);
  const snapshot = (commit: string) => join(folder, "snapshots", commit);
  const blob = (hash: string) => join(folder, "blobs", hash);
  return {
    folder,
    snapshot,
    blob,
    async commitOf(revision) {
      if (COMMIT.test(revision)) return revision;
      try {
        return (await readFile(join(folder, "refs", revision), "utf8")).trim();
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    async link(commit, path, hash) {
      const pointer = join(snapshot(commit), path);
      await mkdir(dirname(pointer), { recursive: true });
      try {
        await symlink(relative(dirname(pointer), blob(hash)), pointer);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EEXIST") return;
        // Windows without the right to make links.
        if (code !== "EPERM") throw error;
        await copyFile(blob(hash), pointer);
      }
    },
    async remember(revision, commit) {
      if (!COMMIT.test(revision))
        await writeAtomically(join(folder, "refs", revision), [Buffer.from(commit)]);
    },
  };
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";
