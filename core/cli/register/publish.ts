import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MODEL_ARTIFACT } from "../../comparison/execute/log-model.ts";
import { DualtailError } from "../../errors.ts";
import { MLMODEL_FILE, relocatedMlmodel } from "../../exchange/index.ts";
import {
  type CreateModelVersion,
  type LoggedModel,
  type MlflowClient,
  type ModelVersion,
  modelOwner,
  type Run,
} from "../../mlflow-js-client/index.ts";
import { tracked } from "../../tracking/errors.ts";
import type { Source } from "./source.ts";

/** What MLflow lets no logged model's name have. */
const FORBIDDEN = /[/:.%"']/g;
const TEST_CONTEXT = "test";
const FIRST_WITH_LOGGED_MODELS = 3;

/** The version that a run's model is under a name: made when it is not there yet. @throws TrackingError */
export async function publish(
  client: MlflowClient,
  source: Source,
  name: string,
): Promise<{ readonly version: ModelVersion; readonly made: boolean }> {
  const { runId } = source.run.info;
  await tracked(client.registry.ensure(name));
  const known = (await tracked(client.registry.versions(name))).find((version) => version.runId === runId);
  if (known) return { version: known, made: false };
  const files =
    Number.parseInt(await tracked(client.server.version()), 10) >= FIRST_WITH_LOGGED_MODELS
      ? await loggedModel(client, source)
      : await ofRun(client, source);
  const version = await tracked(client.registry.createVersion({ name, runId, ...files }));
  return { version, made: true };
}

/** Where a version's files are. */
type Files = Pick<CreateModelVersion, "source" | "modelId">;

/** Of the run's logged model; a finished run's model does not change, so that one is enough. */
async function loggedModel(client: MlflowClient, source: Source): Promise<Files> {
  const { runId, experimentId } = source.run.info;
  const { items } = await tracked(
    client.loggedModels.search({ experimentIds: [experimentId], filter: `source_run_id = '${runId}'` }),
  );
  const { modelId } =
    items.find(({ status }) => status === "READY") ?? (await tracked(logModel(client, source)));
  return { source: `models:/${modelId}`, modelId };
}

/** An older server has a run's artifacts alone. @throws DualtailError when there is no model among them */
async function ofRun(client: MlflowClient, { run: { info } }: Source): Promise<Files> {
  const logged = await tracked(client.artifacts.list(info.runId, MODEL_ARTIFACT));
  if (logged.length === 0) {
    throw new DualtailError(
      `MLflow at ${client.baseUrl} is older than ${FIRST_WITH_LOGGED_MODELS}.0 and takes a model from its run only, which has logged none`,
      { hint: "compare with models: { log: all }, or update the server" },
    );
  }
  return { source: `${info.artifactUri}/${MODEL_ARTIFACT}` };
}

/** Uploads it as a logged model: made by the run, measured on the run's test data. */
async function logModel(client: MlflowClient, { run, write }: Source): Promise<LoggedModel> {
  const { runId, runName, experimentId } = run.info;
  const folder = await mkdtemp(path.join(tmpdir(), "dualtail-model-"));
  try {
    await write(folder);
    const model = await client.loggedModels.create({
      experimentId,
      name: runName.replace(FORBIDDEN, "-"),
      modelType: "classifier",
      sourceRunId: runId,
      params: run.params,
    });
    try {
      await upload(client, run, model, folder);
    } catch (error) {
      await client.loggedModels.finalize(model.modelId, "UPLOAD_FAILED");
      throw error;
    }
    await client.loggedModels.logOutputs(runId, [{ modelId: model.modelId }]);
    await client.loggedModels.logMetrics(runId, testMetrics(run, model));
    return await client.loggedModels.finalize(model.modelId, "READY");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function upload(client: MlflowClient, { info }: Run, model: LoggedModel, folder: string) {
  const owner = modelOwner(model);
  for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile() || file.name === MLMODEL_FILE) continue;
    const local = path.join(file.parentPath, file.name);
    const name = path.relative(folder, local).split(path.sep).join("/");
    await client.artifacts.uploadFile(owner, name, local);
  }
  const place = { runId: info.runId, modelId: model.modelId, artifactPath: model.artifactUri };
  await client.artifacts.upload(owner, MLMODEL_FILE, await relocatedMlmodel(folder, place));
}

/** With the run's own times and steps, so that the run keeps one point of each. */
function testMetrics({ metrics, datasets }: Run, { modelId }: LoggedModel) {
  const tested = datasets.find(({ tags }) => tags["mlflow.data.context"] === TEST_CONTEXT)?.dataset;
  return metrics
    .filter(({ key }) => key.startsWith("test/"))
    .map((metric) => ({ ...metric, modelId, ...(tested ? { dataset: tested } : {}) }));
}
