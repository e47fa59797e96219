import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";

const known = new Map<string, Promise<string>>();

/**
 * sha256 (hex) over the names and contents of files, in the order of their names; equal digests mean equal files. A
 * file is read once per process as long as its size and modification time stay the same.
 */
export async function digestFiles(files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of [...files].sort()) hash.update(`${basename(file)}\0${await digestFile(file)}\n`);
  return hash.digest("hex");
}

async function digestFile(file: string): Promise<string> {
  const { size, mtimeMs } = await stat(file);
  const key = `${file}|${size}|${mtimeMs}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = hashFile(file);
  known.set(key, made);
  made.catch(() => known.delete(key));
  return made;
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
