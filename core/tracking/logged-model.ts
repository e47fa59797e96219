import { readFile, stat } from "node:fs/promises";
import { FileError } from "../errors.ts";
import {
  type ArtifactOwner,
  type LoggedModel,
  type MlflowClient,
  MlflowError,
  type ModelMetric,
  modelOwner,
  type RunInfo,
} from "../mlflow-js-client/index.ts";
import { isMissingEndpoint, isRefusal } from "./delivery/refusals.ts";
import { TAGS } from "./mlflow-tags.ts";
import { placedMlmodel } from "./placed-mlmodel.ts";

/** A model's files on this disk. `path` is relative in the model's folder. */
export interface ModelFiles {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly file: string }[];
}

export interface ModelHooks {
  /** A file of so many bytes is about to be sent. */
  readonly onUpload?: (bytes: number) => void;
  /** The server did what it was asked. */
  readonly onAnswer?: () => void;
  /** Files that have arrived, which are not sent again; added to. */
  readonly sent?: Set<string>;
}

const MLMODEL = "MLmodel";
const MODEL_TYPE = "classifier";
const TEST = "test";

/**
 * Makes a run's model one of the server's (MLflow ≥ 3), or brings that which it has of the run under this name up to the
 * given files, so that repeating it, also after a crash anywhere in it, makes no second one. It carries the run's params
 * and is one of its outputs. Being `READY` says that all files are there.
 * @returns undefined when the server knows no models of this kind
 * @throws MlflowError; a model whose upload the server refuses is left as UPLOAD_FAILED. FileError
 */
export async function putLoggedModel(
  client: MlflowClient,
  run: RunInfo,
  { name, files }: ModelFiles,
  hooks: ModelHooks = {},
): Promise<LoggedModel | undefined> {
  const { runId } = run;
  const find = () => modelsOf(client, run, name);
  const found = await find().catch((error: unknown) => {
    if (isMissingEndpoint(error)) return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  const model = found[0] ?? (await create(client, run, name));
  hooks.onAnswer?.();
  const { modelId } = model;
  await addOutput(client, runId, modelId);
  hooks.onAnswer?.();
  try {
    await upload(client, runId, model, files, hooks);
  } catch (error) {
    if (isRefusal(error)) await client.loggedModels.finalize(modelId, "UPLOAD_FAILED");
    throw error;
  }
  const ready = await client.loggedModels.finalize(modelId, "READY");
  hooks.onAnswer?.();
  // Made by a request whose answer came too late; nothing was ever put into it.
  for (const twin of found.length === 1 ? [] : await find()) {
    if (twin.modelId !== modelId && twin.status === "PENDING") await client.loggedModels.delete(twin.modelId);
  }
  return ready;
}

/** Makes a model one of a run's outputs. The server refuses to be told twice, also where its first answer was lost. */
async function addOutput(client: MlflowClient, runId: string, modelId: string): Promise<void> {
  const isThere = async () => (await client.loggedModels.outputs(runId)).includes(modelId);
  if (await isThere()) return;
  for (let again = true; ; again = false) {
    try {
      return await client.loggedModels.logOutputs(runId, [{ modelId }]);
    } catch (error) {
      // Once it answers, the server is back and knows.
      if (await isThere()) return;
      if (!again || !(error instanceof MlflowError) || !error.transient) throw error;
    }
  }
}

/** The models that were made here of a run under a name, those that are complete first. */
async function modelsOf(client: MlflowClient, run: RunInfo, name: string): Promise<LoggedModel[]> {
  const { items } = await client.loggedModels.search({
    experimentIds: [run.experimentId],
    filter: `source_run_id = '${run.runId}'`,
  });
  return items
    .filter((model) => model.name === name && model.tags[TAGS.runId] !== undefined)
    .sort((a, b) => Number(b.status === "READY") - Number(a.status === "READY"));
}

async function create(
  client: MlflowClient,
  { runId, experimentId }: RunInfo,
  name: string,
): Promise<LoggedModel> {
  const { params, tags } = await client.runs.get(runId);
  return client.loggedModels.create({
    experimentId,
    name,
    modelType: MODEL_TYPE,
    sourceRunId: runId,
    params,
    tags: { [TAGS.runId]: tags[TAGS.runId] ?? runId },
  });
}

async function upload(
  client: MlflowClient,
  runId: string,
  model: LoggedModel,
  files: ModelFiles["files"],
  hooks: ModelHooks,
): Promise<void> {
  const owner = modelOwner(model);
  for (const { path, file } of files) if (path !== MLMODEL) await sendFile(client, owner, path, file, hooks);
  const place = { runId, modelId: model.modelId, artifactUri: model.artifactUri };
  // Last: a folder with an MLmodel is complete.
  for (const { file } of files.filter(({ path }) => path === MLMODEL)) {
    const text = placedMlmodel(await readFile(file, "utf8"), place);
    if (text === undefined) throw new FileError(file, "is no MLmodel", { hint: "export the model again" });
    await client.artifacts.upload(owner, MLMODEL, text);
  }
}

/** Sends a file of a model, unless it has arrived. @throws MlflowError */
export async function sendFile(
  client: MlflowClient,
  owner: ArtifactOwner,
  path: string,
  file: string,
  { onUpload, onAnswer, sent }: ModelHooks,
): Promise<void> {
  const what = `${owner.runId}/${path}`;
  if (!sent?.has(what)) {
    onUpload?.((await stat(file)).size);
    await client.artifacts.uploadFile(owner, path, file);
    sent?.add(what);
  }
  onAnswer?.();
}

/**
 * Makes a run's test metrics those of the models it has made, on the dataset it was tested on. They keep the run's times
 * and steps, so that the run has one point of each; what a model has already is not sent. A file store, which would keep
 * the run's own points twice, is left alone: its models have no metrics.
 * @throws MlflowError
 */
export async function linkTestMetrics(client: MlflowClient, runId: string): Promise<void> {
  const modelIds = await client.loggedModels.outputs(runId);
  if (modelIds.length === 0 || (await client.server.storeType()) === "FileStore") return;
  const { metrics, datasets } = await client.runs.get(runId);
  const tested = datasets.find(({ tags }) => tags[TAGS.datasetContext] === TEST)?.dataset;
  for (const modelId of modelIds) {
    const known = await client.loggedModels.get(modelId);
    if (known.sourceRunId !== runId || known.tags[TAGS.runId] === undefined) continue;
    const own = metrics
      .filter(({ key }) => key.startsWith(`${TEST}/`))
      .map((metric): ModelMetric => ({ ...metric, modelId, ...(tested ? { dataset: tested } : {}) }));
    const has = new Set(known.metrics.map(identity));
    await client.loggedModels.logMetrics(
      runId,
      own.filter((metric) => !has.has(identity(metric))),
    );
  }
}

const identity = ({ key, step, timestamp }: ModelMetric): string => JSON.stringify([key, step, timestamp]);
