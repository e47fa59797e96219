import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError } from "../../errors.ts";
import { type Digest, digestOf } from "./digest.ts";
import { TEMPORARY } from "./reconcile.ts";
import { makeFolder, syncFolder } from "./sync-folder.ts";

/** Makes a file of that name. */
export type Write = (temporary: string) => Promise<void>;

export interface FileToPut {
  /** Where it belongs. */
  readonly file: string;
  readonly write: Write;
}

/**
 * Puts files of a run in place, whole and on the disk, to be recorded then: a recorded artifact is always complete. All of
 * them are made before the first takes its place, so that what was there is not a mixture for longer than it takes to
 * rename them.
 * @param folder of the run
 * @returns their digests, in order
 * @throws FileError; where one cannot be made nothing has changed
 */
export async function putFiles(folder: string, files: readonly FileToPut[]): Promise<Digest[]> {
  const made: { readonly temporary: string; readonly file: string; readonly digest: Digest }[] = [];
  try {
    for (const { file, write } of files) {
      const temporary = join(folder, `${TEMPORARY}${randomUUID()}`);
      made.push({ temporary, file, digest: await make(temporary, file, write) });
    }
    const folders = [...new Set(made.map(({ file }) => dirname(file)))];
    for (const own of folders) await guard(own, makeFolder(own));
    for (const { temporary, file } of made) await guard(file, rename(temporary, file));
    for (const own of folders) await guard(own, syncFolder(own));
  } catch (error) {
    for (const { temporary } of made) await rm(temporary, { force: true });
    throw error;
  }
  return made.map(({ digest }) => digest);
}

async function make(temporary: string, file: string, write: Write): Promise<Digest> {
  try {
    await guard(file, write(temporary));
    await guard(file, toDisk(temporary));
    return await guard(file, digestOf(temporary));
  } catch (error) {
    // Half a file takes room on a disk that may be full.
    await rm(temporary, { force: true });
    throw error;
  }
}

async function toDisk(file: string): Promise<void> {
  // The copy of a file that may only be read may only be read; on Windows only who may write may do this.
  const handle = await open(file, process.platform === "win32" ? "r+" : "r");
  await handle.sync().finally(() => handle.close());
}

async function guard<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new FileError(file, `cannot be written (${code ?? message})`, {
      hint:
        code === "ENOENT" ? "check that the file to log exists" : "check the folder and the free disk space",
      cause,
    });
  }
}
