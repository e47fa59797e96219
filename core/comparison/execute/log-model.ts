import { join } from "node:path";
import { DualtailError } from "../../errors.ts";
import {
  locateModel,
  type MlflowModel,
  type Mlmodel,
  openTrainedModel,
  writeMlflowModel,
} from "../../exchange/index.ts";
import type { TrackedRun } from "../../tracking/tracker.ts";
import type { Cell } from "../plan/index.ts";
import type { ExecutionContext } from "./context.ts";

/** In a cell's folder. */
export const MODEL_FOLDER = "mlflow-model";
/** Of a run's artifacts: `runs:/<run>/model`. */
export const MODEL_ARTIFACT = "model";
/** Weights up to this size are logged where the config does not say. */
const SMALL = 64 * 2 ** 20;

type Used = Pick<ExecutionContext, "config" | "registry" | "reporter">;

/** Logs a finished cell's classifier as an MLflow model, where the config wants it and one file can hold it. */
export async function logModel(context: Used, run: TrackedRun, cell: Cell, folder: string): Promise<void> {
  const written = await writeModel(context, cell, folder);
  if (written === undefined) return;
  for (const { path } of written.files) {
    await run.logArtifactFile(`${MODEL_ARTIFACT}/${path}`, join(folder, MODEL_FOLDER, path));
  }
  await run.setTags({ "mlflow.log-model.history": JSON.stringify([summaryOf(written.mlmodel)]) });
}

async function writeModel(
  { config, registry, reporter }: Used,
  { label, recipe }: Cell,
  folder: string,
): Promise<MlflowModel | undefined> {
  const log = config.models?.log;
  // Zero-shot logits and priors are in no classifier.
  if (log === "none" || (recipe.mode === "post-hoc" && recipe.needs?.length)) return undefined;
  try {
    const model = await openTrainedModel(await locateModel(folder), {
      plugins: {
        peft: (name) => registry.get("peft", name),
        loss: (name) => registry.get("loss", name),
        strata: (name) => registry.get("strata", name),
      },
    });
    const largest = log === "all" ? undefined : SMALL;
    return await writeMlflowModel(model, join(folder, MODEL_FOLDER), { largest });
  } catch (error) {
    if (!(error instanceof DualtailError)) throw error;
    // The cell is trained and measured; only its copy for other programs is missing.
    reporter.warn(`${label}: not logged as an MLflow model: ${error.oneLine}`);
    return undefined;
  }
}

/** What MLflow's interface shows; all of an MLmodel may be longer than a tag. */
const summaryOf = ({ flavors, model_uuid, utc_time_created }: Mlmodel) => ({
  artifact_path: MODEL_ARTIFACT,
  flavors,
  model_uuid,
  utc_time_created,
});
