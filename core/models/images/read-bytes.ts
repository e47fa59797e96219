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
    const name = source.path;
    try {
      return { name, bytes: await readFile(name) };
    } catch (cause) {
      throw new FileError(name, "there is no such image, or it cannot be read", {
        hint: "check the path in the data set",
        cause,
      });
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
