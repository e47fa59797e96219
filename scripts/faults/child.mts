import { readFile } from "node:fs/promises";
import { program, startScript } from "../../test/support/cli.ts";
import type { ChildReport } from "./spec.mts";
import type { WriterTask } from "./writer.mts";

const WRITER = program("scripts/faults/writer.mts");

export interface Child {
  /** Resolves at the process's end. */
  readonly done: Promise<{ readonly code: number | null; readonly report: ChildReport }>;
}

/** Starts a process that tracks; `onLine` gets what it prints. */
export function startWriter(task: WriterTask, onLine: (line: string) => void = () => {}): Child {
  const child = startScript(WRITER, [JSON.stringify(task)], process.cwd());
  let rest = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const done = new Promise<number | null>((resolve) => child.on("close", resolve)).then(async (code) => {
    const text = await readFile(task.report, "utf8").catch(() => {
      throw new Error(`the writer ended with ${code} and no report: ${errors}`);
    });
    return { code, report: JSON.parse(text) as ChildReport };
  });
  return { done };
}
