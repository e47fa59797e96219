import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../../models/checkpoint/write-atomically.ts";
import type { CurvePoint } from "../presentation/index.ts";

/** In a cell's folder: a JSON line [curve, step, value] per point. */
export const HISTORY = "history.jsonl";

type Curve = "loss" | "accuracy";

/** A cell's curves, also of what processes before this one trained. */
export interface HistoryFile {
  add(curve: Curve, point: CurvePoint): Promise<void>;
  /** By step; of a step that was computed twice the last value. */
  points(curve: Curve): CurvePoint[];
}

export async function openHistory(folder: string): Promise<HistoryFile> {
  const file = join(folder, HISTORY);
  const curves = { loss: new Map<number, number>(), accuracy: new Map<number, number>() };
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  // Half a line of a process that was killed must not stand before a whole one.
  if (whole.length < text.length) await writeAtomically(file, [Buffer.from(whole)]);
  for (const line of whole.split("\n").filter(Boolean)) {
    const [curve, step, value] = JSON.parse(line) as [Curve, number, number];
    curves[curve].set(step, value);
  }
  return {
    async add(curve, { step, value }) {
      curves[curve].set(step, value);
      await appendFile(file, `${JSON.stringify([curve, step, value])}\n`);
    },
    points: (curve) => [...curves[curve]].sort(([a], [b]) => a - b).map(([step, value]) => ({ step, value })),
  };
}
