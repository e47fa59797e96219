import { readFile } from "node:fs/promises";
import { FileError } from "../../../core/plugin-api/index.ts";

export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/** A text file as a string, without byte order mark. @throws FileError when it cannot be read. */
export async function readText(file: string, what: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).replace(/^\uFEFF/, "");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new FileError(file, missing ? `the ${what} does not exist` : `the ${what} cannot be read`, {
      hint: "check the path; it is relative to the folder of the configuration",
      cause,
    });
  }
}

/** The lines of a text file that are not blank, trimmed. @throws FileError when it cannot be read or has none. */
export async function readLines(file: string, what: string): Promise<Line[]> {
  const lines = (await readText(file, what))
    .split(/\r?\n/)
    .map((line, i) => ({ text: line.trim(), number: i + 1 }))
    .filter((line) => line.text !== "");
  if (lines.length === 0) throw new FileError(file, `the ${what} is empty`);
  return lines;
}
