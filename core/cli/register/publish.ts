import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MODEL_NAME } from "../../comparison/execute/log-model.ts";
import { DualtailError } from "../../errors.ts";
import type {
  CreateModelVersion,
  LoggedModel,
  MlflowClient,
  ModelVersion,
} from "../../mlflow-js-client/index.ts";
import { tracked } from "../../tracking/errors.ts";
import { linkTestMetrics, putLoggedModel } from "../../tracking/logged-model.ts";
import type { Source } from "./source.ts";

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
    items.find(({ status }) => status === "READY") ?? (await tracked(upload(client, source)));
  return { source: `models:/${modelId}`, modelId };
}

/** An older server has a run's artifacts alone. @throws DualtailError when there is no model among them */
async function ofRun(client: MlflowClient, { run: { info } }: Source): Promise<Files> {
  const logged = await tracked(client.artifacts.list(info.runId, MODEL_NAME));
  if (logged.length === 0) {
    throw new DualtailError(
      `MLflow at ${client.baseUrl} is older than ${FIRST_WITH_LOGGED_MODELS}.0 and takes a model from its run only, which has logged none`,
      { hint: "compare with models: { log: all }, or update the server" },
    );
  }
  return { source: `${info.artifactUri}/${MODEL_NAME}` };
}

/** Uploads it as a logged model: made by the run, measured on the run's test data. */
async function upload(client: MlflowClient, { run, write }: Source): Promise<LoggedModel> {
  const folder = await mkdtemp(path.join(tmpdir(), "dualtail-model-"));
  try {
    await write(folder);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.flatMap((entry) => {
      if (!entry.isFile()) return [];
      const file = path.join(entry.parentPath, entry.name);
      return [{ path: path.relative(folder, file).split(path.sep).join("/"), file }];
    });
    const model = await putLoggedModel(client, run.info, { name: MODEL_NAME, files });
    await linkTestMetrics(client, run.info.runId);
    // Its version says that the server knows them.
    return model!;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
