import { mkdir } from "node:fs/promises";
import { DualtailError } from "../errors.ts";
import type { FinishedRun, TrackedRun } from "../tracking/tracker.ts";
import { type PreparedBackbone, prepareBackbone } from "./execute/backbone.ts";
import { logDatasetInputs } from "./execute/dataset-inputs.ts";
import { createFingerprints, FINGERPRINT } from "./execute/fingerprint.ts";
import { createImageStores } from "./execute/images.ts";
import { loadContext } from "./execute/load-context.ts";
import { logRow } from "./execute/log-row.ts";
import { commonParams } from "./execute/params.ts";
import { createCheckpointSender, fetchCheckpoint, type Progress } from "./execute/resume-checkpoint.ts";
import { cellEntry, distinctBackbones, tagsOf } from "./execute/rows.ts";
import { underRun } from "./execute/run-status.ts";
import { trainedCell } from "./execute/trained-cell.ts";
import { logHistory } from "./execute/trained-elsewhere.ts";
import type { ExecuteOptions, TrainingOrder } from "./execution-types.ts";

/** The run that a cell is tracked as, ready to be written. */
export interface CellRun {
  readonly run: TrackedRun;
  /** Artifacts of what an earlier process did of it. */
  readonly artifact: FinishedRun["artifact"];
  readonly progress: () => Promise<Progress>;
}

export interface ExecuteCellOptions
  extends Pick<
    ExecuteOptions,
    "config" | "plan" | "registry" | "baseDir" | "reporter" | "signal" | "cacheDir"
  > {
  readonly order: TrainingOrder;
  /** Folder for the cell's checkpoints and files, empty. */
  readonly folder: string;
  /** ms between two checkpoints that are sent. */
  readonly checkpointEvery: number;
  /** Called once it is known that the cell can be trained here. */
  openRun(name: string, tags: Readonly<Record<string, string>>): Promise<CellRun>;
}

/**
 * Trains one cell of a plan that another process executes, as a run of its own; goes on from the newest checkpoint among
 * the run's artifacts. Its run has ended when this ends.
 * @throws DualtailError when it cannot be trained here, or was stopped: FinetuneAborted, Interrupted
 */
export async function executeCell(options: ExecuteCellOptions): Promise<void> {
  const { order, plan, folder, signal } = options;
  const planned = plan.cells[order.index];
  if (planned === undefined || planned.kind === "post-hoc" || planned.label !== order.label) {
    throw new DualtailError(`the cell ${order.index} of the plan made here is not "${order.label}"`, {
      hint: "give server and workers the same file, except for paths, and the same version of dualtail",
    });
  }
  // The id is a hash that holds paths, which are the machine's own.
  const cell = { ...planned, id: order.cell };
  const context = await loadContext(options);
  const images = createImageStores(context);
  const backbones: PreparedBackbone[] = [];
  for (const backbone of distinctBackbones([cell]))
    backbones.push(await prepareBackbone(context, backbone, images));
  const fingerprint = await createFingerprints(context).cell(cell, backbones);
  if (fingerprint !== order.fingerprint) {
    throw new DualtailError("this machine's checkpoint, data or plugin files are not the server's", {
      hint: "names in the worker's file have to stand for the same content as in the server's",
    });
  }
  const entry = cellEntry(cell);
  const tags = { ...tagsOf(entry), [FINGERPRINT]: fingerprint };
  const { run, artifact, progress } = await options.openRun(cell.label, tags);
  const sender = createCheckpointSender(run, options.checkpointEvery, progress);
  await underRun(
    run,
    async () => {},
    signal,
    async () => {
      await run.logParams({ ...commonParams(context.config), ...entry.params });
      await logDatasetInputs(context, run);
      await mkdir(folder, { recursive: true });
      const from = await fetchCheckpoint(artifact, `${folder}/checkpoints`);
      if (from) options.reporter.line(`${cell.label}: goes on from the checkpoint ${from}`);
      const measured = await trainedCell(context, cell, backbones, {
        run,
        folder,
        sender,
        maxLogits: Number.POSITIVE_INFINITY,
      });
      if (measured.history) await logHistory(run, measured.history);
      await logRow(context, run, cell.label, measured);
    },
  );
}
