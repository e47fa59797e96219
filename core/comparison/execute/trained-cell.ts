import type { TrackedRun } from "../../tracking/tracker.ts";
import type { Cell } from "../plan/index.ts";
import { logCheckpoint, logTestLogits } from "./artifacts.ts";
import type { PreparedBackbone } from "./backbone.ts";
import type { ExecutionContext } from "./context.ts";
import { featureQuality } from "./feature-quality.ts";
import { logModel } from "./log-model.ts";
import { groupsOf, measure } from "./measure.ts";
import { saveTestLogits } from "./predictions.ts";
import type { CheckpointSender } from "./resume-checkpoint.ts";
import type { Measured } from "./rows.ts";
import { isStop } from "./run-status.ts";
import { trainCell } from "./train-cell.ts";

export interface TrainedCellOptions {
  readonly run: TrackedRun;
  /** Of the cell. */
  readonly folder: string;
  /** Absent: checkpoints stay on this disk. */
  readonly sender?: CheckpointSender;
  /** Bytes of test logits above which they stay on this disk. */
  readonly maxLogits?: number;
}

/** Trains a cell, or goes on with it from the newest checkpoint in its folder; test logits, checkpoint and model go to its run. */
export async function trainedCell(
  context: ExecutionContext,
  cell: Cell,
  backbones: readonly PreparedBackbone[],
  { run, folder, sender, maxLogits }: TrainedCellOptions,
): Promise<Measured> {
  const groups = await groupsOf(context, backbones);
  const onCheckpoint = sender && ((dir: string, now: boolean) => sender.send(dir, now));
  const trained = await trainCell(context, cell, backbones, groups, { run, folder, onCheckpoint }).catch(
    async (error: unknown) => {
      if (isStop(error)) await onCheckpoint?.(`${folder}/checkpoints`, true);
      throw error;
    },
  );
  const kept = await saveTestLogits(folder, trained.testLogits, context.dataset.classNames.length);
  if (cell.kind === "single") await logTestLogits(run, kept, maxLogits);
  await logCheckpoint(run, trained.checkpointDir, cell);
  await logModel(context, run, cell, folder);
  const metrics = await measure(context, "test", trained.scores, groups, trained.features);
  return {
    scores: trained.scores,
    groups,
    backbones,
    metrics,
    history: trained.curve,
    extra: {
      trainable_parameters: trained.trainable,
      ...(await featureQuality(context, trained.features)),
    },
  };
}
