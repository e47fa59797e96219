import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** How far a run's delivery came, as far as this machine knows; the server's own record is the tag. */
export interface Mark {
  readonly uri: string;
  readonly runId: string;
  readonly url: string;
  /** Of the journal. */
  readonly bytes: number;
  /** ISO 8601. */
  readonly time: string;
  /** Deleted on the server. */
  readonly gone?: boolean;
  /** What stopped the delivery last. */
  readonly error?: string;
}

const MARK = "synced.json";

export async function writeMark(folder: string, mark: Mark): Promise<void> {
  const file = join(folder, MARK);
  await writeFile(`${file}.tmp`, `${JSON.stringify(mark, null, 2)}\n`);
  await rename(`${file}.tmp`, file);
}

/** Undefined when nothing was delivered yet. */
export async function readMark(folder: string): Promise<Mark | undefined> {
  const text = await readFile(join(folder, MARK), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Mark;
  } catch {
    // Cut by a crash; the next delivery writes it anew.
    return undefined;
  }
}
