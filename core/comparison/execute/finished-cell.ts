import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MODEL_FILE, STRATA_FILE } from "../../exchange/index.ts";
import type { FinishedRun } from "../../tracking/tracker.ts";
import { newestCheckpoint } from "../../training/checkpoint.ts";
import { loadTestLogits, TEST_LOGITS_FILE } from "./predictions.ts";

const PARAMS = "adapters.safetensors";

/** Beside the test logits: what a combination needs to be exported. Names in the cell's folder, and as artifacts. */
const MODEL_FILES = [
  [MODEL_FILE, `checkpoint/${MODEL_FILE}`],
  [PARAMS, `checkpoint/${PARAMS}`],
  [STRATA_FILE, `strata/${STRATA_FILE}`],
] as const;

/**
 * Brings what later cells need of a finished one into its new folder: from the run folder on this disk that it was run
 * in, else from its artifacts. `size`: numbers in its test logits.
 * @returns whether the test logits are there now; if not, nothing else is
 * @throws TrackingError when the server fails
 */
export async function fetchFinishedCell(
  run: FinishedRun,
  { outputDir, folder, size }: { readonly outputDir: string; readonly folder: string; readonly size: number },
): Promise<boolean> {
  const hasLogits = () =>
    loadTestLogits(folder).then(
      (logits) => logits.length === size,
      () => false,
    );
  const local = await localFolder(run, outputDir);
  if (local !== undefined) {
    await copyIfThere(join(local, TEST_LOGITS_FILE), join(folder, TEST_LOGITS_FILE));
    if (await hasLogits()) {
      const checkpoint = (await newestCheckpoint(join(local, "checkpoints"))) ?? local;
      for (const [file] of MODEL_FILES) {
        await copyIfThere(join(file === PARAMS ? checkpoint : local, file), join(folder, file));
      }
      return true;
    }
  }
  await downloadIfThere(run, TEST_LOGITS_FILE, join(folder, TEST_LOGITS_FILE));
  if (!(await hasLogits())) return false;
  for (const [file, artifact] of MODEL_FILES) await downloadIfThere(run, artifact, join(folder, file));
  return true;
}

/** The folder of the cell that a run belongs to, among the run folders in `outputDir`. */
async function localFolder(
  { id: remoteId, ownId = remoteId }: FinishedRun,
  outputDir: string,
): Promise<string | undefined> {
  for (const name of await readdir(outputDir).catch(() => [])) {
    const text = await readFile(join(outputDir, name, "state.json"), "utf8").catch(() => undefined);
    // Most of them have nothing to do with it.
    if (!text?.includes(ownId) && !text?.includes(remoteId)) continue;
    const { runs = {} } = JSON.parse(text) as {
      runs?: Readonly<Record<string, { runId: string; reused?: unknown }>>;
    };
    const isIt = ({ runId }: { runId: string }) => runId === ownId || runId === remoteId;
    const [id] = Object.entries(runs).find(([, own]) => isIt(own) && !own.reused) ?? [];
    const cells = join(outputDir, name, "cells");
    const found = id && (await readdir(cells).catch(() => [])).find((cell) => cell.endsWith(`_${id}`));
    if (found) return join(cells, found);
  }
  return undefined;
}

async function copyIfThere(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}

async function downloadIfThere(run: FinishedRun, artifact: string, to: string): Promise<void> {
  const content = await run.artifact(artifact);
  if (content !== undefined) await writeFile(to, content);
}
