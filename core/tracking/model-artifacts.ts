import type { MlflowClient, RunInfo } from "../mlflow-js-client/index.ts";
import { type ModelFiles, type ModelHooks, sendFile } from "./logged-model.ts";

/** Where MLflow before 3.0 looks for a run's models: a JSON list. */
const HISTORY = "mlflow.log-model.history";

/** Puts a model among its run's artifacts, for a server that knows no models of runs. @throws MlflowError */
export async function logModelArtifacts(
  client: MlflowClient,
  run: RunInfo,
  { name, files, summary }: ModelFiles & { readonly summary: Readonly<Record<string, unknown>> },
  hooks: ModelHooks = {},
): Promise<void> {
  for (const { path, file } of files) await sendFile(client, run, `${name}/${path}`, file, hooks);
  const entry = { artifact_path: name, run_id: run.runId, ...summary };
  await client.runs.setTag(run.runId, HISTORY, JSON.stringify([entry]));
}
