import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { FileError } from "../../errors.ts";
import type { ImageSource } from "../../plugin-api/dataset.ts";

/** A compressed image and what to call it in messages. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Reads a compressed image. @throws FileError naming the image when that fails */
export async function readBytes(source: Exclude<ImageSource, { kind: "pixels" }>): Promise<NamedBytes> {
  if (source.kind === "file") {
    try {
      return { name: source.path, bytes: await readFile(source.path) };
    } catch (cause) {
      throw unreadable(source.path, cause);
    }
  }
  try {
    return { name: source.name, bytes: await source.bytes() };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileError(source.name, `the image cannot be read (${reason})`, {
      hint: "check the file of the data set that holds it",
      cause,
    });
  }
}

/**
 * Reads a file at once, for threads that have nothing else to do meanwhile: a promise takes four turns of the thread
 * pool, which costs more than the reading. @throws FileError naming the file
 */
export function readFileHere(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** The first `length` bytes of a file, or all it has. @throws FileError naming the file */
export function readStart(path: string, length: number): Uint8Array {
  try {
    const file = openSync(path, "r");
    try {
      const bytes = new Uint8Array(Math.min(length, fstatSync(file).size));
      const read = readSync(file, bytes, 0, bytes.length, 0);
      return bytes.subarray(0, read);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const unreadable = (path: string, cause: unknown): FileError =>
  new FileError(path, "there is no such image, or it cannot be read", {
    hint: "check the path in the data set",
    cause,
  });
