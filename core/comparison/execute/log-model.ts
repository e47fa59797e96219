import { join } from "node:path";
import type { Reporter } from "../../container/reporter.ts";
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
/** Name of a run's model: `runs:/<run>/model`. */
export const MODEL_NAME = "model";
/** Tag of a run that has none for a reason that its config does not give: the reason. */
export const NO_MODEL_TAG = "dualtail.no_model";
/** Weights up to this size are logged where the config does not say. */
const SMALL = 64 * 2 ** 20;

type Used = Pick<ExecutionContext, "config" | "registry" | "reporter">;

/**
 * Logs a finished cell's classifier as an MLflow model, where the config wants it and one file can hold it. Where it
 * cannot, the run's tag says why, and so does a line, once per comparison.
 */
export async function logModel(context: Used, run: TrackedRun, cell: Cell, folder: string): Promise<void> {
  if (context.config.models?.log === "none") return;
  const written = await writeModel(context, cell, folder);
  if ("none" in written) {
    await run.setTags({ [NO_MODEL_TAG]: written.none });
    return;
  }
  const files = written.files.map(({ path }) => ({ path, file: join(folder, MODEL_FOLDER, path) }));
  await run.logModel({ name: MODEL_NAME, files, summary: summaryOf(written.mlmodel) });
}

async function writeModel(
  { config, registry, reporter }: Used,
  { label, recipe }: Cell,
  folder: string,
): Promise<MlflowModel | { readonly none: string }> {
  if (recipe.mode === "post-hoc" && recipe.needs?.length) {
    const none = "it predicts with zero-shot logits or priors, which no classifier holds";
    tellOnce(reporter, none, `${label} logs no MLflow model: ${none}`);
    return { none };
  }
  try {
    const model = await openTrainedModel(await locateModel(folder), {
      plugins: {
        peft: (name) => registry.get("peft", name),
        loss: (name) => registry.get("loss", name),
        strata: (name) => registry.get("strata", name),
      },
    });
    const largest = config.models?.log === "all" ? undefined : SMALL;
    const written = await writeMlflowModel(model, join(folder, MODEL_FOLDER), { largest });
    if (written) return written;
    const none = `its weights have more than ${SMALL / 2 ** 20} MiB`;
    tellOnce(
      reporter,
      none,
      `${label} logs no MLflow model: ${none}; models: { log: all } in the config logs it, dualtail register uploads it later`,
    );
    return { none };
  } catch (error) {
    if (!(error instanceof DualtailError)) throw error;
    // The cell is trained and measured; only its copy for other programs is missing.
    reporter.warn(`${label}: not logged as an MLflow model: ${error.oneLine}`);
    return { none: error.oneLine };
  }
}

const told = new WeakMap<Reporter, Set<string>>();

/** What holds for many cells is said of the first. */
function tellOnce(reporter: Reporter, reason: string, line: string): void {
  const reasons = told.get(reporter) ?? new Set();
  told.set(reporter, reasons);
  if (reasons.has(reason)) return;
  reasons.add(reason);
  reporter.line(line);
}

/** What an older MLflow shows of it; all of an MLmodel may be longer than a tag. */
const summaryOf = ({ flavors, model_uuid, utc_time_created }: Mlmodel) => ({
  flavors,
  model_uuid,
  utc_time_created,
});
