import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "../../errors.ts";

/**
 * Writes a whole file or nothing: into a temporary file beside it, flushed to disk, then renamed over it. The folder
 * is made when missing.
 * @throws FileError when it cannot be written
 */
export async function writeAtomically(
  file: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const folder = dirname(file);
  const temporary = join(folder, `.${basename(file)}.${randomUUID()}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(temporary, "wx");
    try {
      for await (const chunk of chunks) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    // What went wrong first is what the user must hear.
    await rm(temporary, { force: true }).catch(() => {});
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new FileError(file, `cannot be written (${code ?? message})`, {
      hint: code === "ENOSPC" ? "free some disk space" : "check that the folder exists and can be written to",
      cause,
    });
  }
}
