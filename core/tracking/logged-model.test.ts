import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type FaultyProxy, startFaultyProxy } from "../../test/support/faulty-proxy.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { createMlflowClient, type MlflowClient, modelOwner } from "../mlflow-js-client/index.ts";
import { openDiskTracker, openDurableTracker, openMlflowTracker, syncToMlflow } from "./index.ts";
import type { ModelOutput, Tracker } from "./tracker.ts";

const experiment = uniqueName("run-models");
const DATASET = { name: "toy", digest: "abc-test", source: "here", context: "test" };
const POINT = { key: "test/overall", value: 0.75, step: 0, timestamp: 1_700_000_000_000 };

let client: MlflowClient;
let proxy: FaultyProxy;
let experimentId: string;
let output: ModelOutput;
let folder: string;
beforeAll(async () => {
  client = await mlflowClient();
  proxy = await startFaultyProxy(await mlflowUri());
  experimentId = await client.experiments.create(experiment);
  folder = await mkdtemp(join(tmpdir(), "dualtail-logged-model-"));
  await mkdir(join(folder, "sub"));
  const put = async (path: string, content: string) => {
    await writeFile(join(folder, path), content);
    return { path, file: join(folder, path) };
  };
  const files = [
    await put("MLmodel", "flavors:\n  onnx:\n    data: model.onnx\nmodel_uuid: abc\n"),
    await put("model.onnx", "weights"),
    await put("sub/more.txt", "more"),
  ];
  output = { name: "model", files, summary: { flavors: { onnx: { data: "model.onnx" } } } };
}, SERVER_START);
afterAll(async () => {
  await proxy.close();
  await rm(folder, { recursive: true, force: true });
});

const warnings: string[] = [];
const durable = async (root: string) =>
  openDurableTracker({
    connect: (options) => createMlflowClient({ trackingUri: proxy.uri, ...options }),
    experiment,
    root,
    warn: (line) => warnings.push(line),
    timing: { gather: 1, maxGather: 1, backoff: 5, maxBackoff: 20 },
  });

/** A run with a model and a test metric, as a comparison logs a cell. */
async function cell(tracker: Tracker, logs = 1) {
  const run = await tracker.startRun({ name: "cell" });
  await run.logParams({ loss: "la" });
  await run.logInputs([DATASET]);
  for (let i = 0; i < logs; i += 1) await run.logModel(output);
  await run.logMetrics([POINT, { ...POINT, key: "trainable_parameters", value: 8 }]);
  await run.finish("FINISHED");
  await tracker.close();
  return run.id;
}

async function runOf(id: string) {
  const { items } = await client.runs.search({
    experimentIds: [experimentId],
    filter: `tags.\`dualtail.run_id\` = '${id}'`,
  });
  return items[0]!;
}

const modelsOf = async (runId: string) =>
  (
    await client.loggedModels.search({
      experimentIds: [experimentId],
      filter: `source_run_id = '${runId}'`,
    })
  ).items;

/** That the run has one model, whole, with its metric. */
async function expectOneModel(runId: string) {
  const models = await modelsOf(runId);
  expect(models).toHaveLength(1);
  const [model] = models;
  expect(model).toMatchObject({ name: "model", status: "READY", params: { loss: "la" } });
  expect(await client.loggedModels.outputs(runId)).toEqual([model!.modelId]);
  expect((await client.loggedModels.get(model!.modelId)).metrics).toEqual([
    { ...POINT, modelId: model!.modelId, dataset: { name: DATASET.name, digest: DATASET.digest } },
  ]);
  const read = async (path: string) =>
    new TextDecoder().decode(await client.artifacts.download(modelOwner(model!), path));
  expect([await read("model.onnx"), await read("sub/more.txt")]).toEqual(["weights", "more"]);
  expect(parse(await read("MLmodel"))).toMatchObject({ run_id: runId, model_id: model!.modelId });
  // Not kept twice.
  expect(await client.artifacts.list(runId, "model")).toEqual([]);
  expect(await client.metrics.getHistory(runId, POINT.key)).toEqual([POINT]);
  expect((await client.runs.get(runId)).tags["mlflow.log-model.history"]).toBeUndefined();
}

describe("a run's model", () => {
  it("becomes one of the server's, measured on the test data", async () => {
    const id = await cell(await durable(await temporaryFolder()));
    await expectOneModel((await runOf(id)).info.runId);
    const direct = await cell(await openMlflowTracker({ client, experiment }));
    await expectOneModel(direct);
  });

  it("that was kept on disk, and logged twice, does so by sync, and once only", async () => {
    const root = await temporaryFolder();
    const id = await cell(await openDiskTracker({ root, experiment }), 2);
    const first = await syncToMlflow({ root, client });
    expect(first).toMatchObject({ uploaded: 1, refused: 0 });
    const { info } = await runOf(id);
    await expectOneModel(info.runId);
    // As if the server's record of the last seconds were lost.
    await client.runs.setTag(info.runId, "dualtail.synced_bytes", "1");
    await client.runs.setTag(info.runId, "dualtail.synced_bytes", "0");
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 1, refused: 0 });
    await expectOneModel(info.runId);
  });

  // Each request that has to do with models is lost or refused once: its answer, or itself.
  it.each(["lose", "refuse", 503] as const)("is there once where requests meet with %s", async (fault) => {
    const failed = new Set<string>();
    proxy.fault = ({ method, path }) => {
      const what = `${method} ${path.replace(/m-[0-9a-f]{32}|[0-9a-f]{32}/g, "")}`;
      if (!/logged-models|runs\/outputs|models.*artifacts/.test(path) || failed.has(what)) return "pass";
      failed.add(what);
      return fault;
    };
    try {
      const id = await cell(await durable(await temporaryFolder()));
      expect([...failed].filter((what) => /PUT|POST|PATCH/.test(what)).length).toBeGreaterThanOrEqual(6);
      await expectOneModel((await runOf(id)).info.runId);
    } finally {
      proxy.fault = () => "pass";
    }
  });

  it("is an artifact of the run on a server that knows no models, which is said once", async () => {
    proxy.fault = ({ path }) => (/logged-models|runs\/outputs/.test(path) ? 404 : "pass");
    warnings.length = 0;
    try {
      const tracker = await durable(await temporaryFolder());
      const other = await tracker.startRun({ name: "other" });
      await other.logModel(output);
      await other.finish("FINISHED");
      const { info, tags, metrics } = await runOf(await cell(tracker));
      expect(info.status).toBe("FINISHED");
      expect(await modelsOf(info.runId)).toEqual([]);
      const listed = await client.artifacts.list(info.runId, "model");
      expect(listed.map(({ path }) => path).sort()).toEqual([
        "model/MLmodel",
        "model/model.onnx",
        "model/sub",
      ]);
      expect(JSON.parse(tags["mlflow.log-model.history"]!)).toEqual([
        { artifact_path: "model", run_id: info.runId, flavors: { onnx: { data: "model.onnx" } } },
      ]);
      expect(metrics.map(({ key }) => key).sort()).toEqual([POINT.key, "trainable_parameters"]);
      expect(warnings).toEqual([
        expect.stringMatching(/^MLflow refused a model .*: the server knows no models but registered ones/),
      ]);
    } finally {
      proxy.fault = () => "pass";
    }
  });

  it("is complete where a client that tries again was told nothing of its output being recorded", async () => {
    let lost = false;
    proxy.fault = ({ path }) => {
      if (lost || !path.endsWith("runs/outputs")) return "pass";
      lost = true;
      return "lose";
    };
    try {
      const patient = createMlflowClient({ trackingUri: proxy.uri, retryDelayMs: 5 });
      await expectOneModel(await cell(await openMlflowTracker({ client: patient, experiment })));
      lost = false;
      const root = await temporaryFolder();
      const id = await cell(await openDiskTracker({ root, experiment }));
      expect(await syncToMlflow({ root, client: patient })).toMatchObject({ uploaded: 1, refused: 0 });
      await expectOneModel((await runOf(id)).info.runId);
      expect(lost).toBe(true);
    } finally {
      proxy.fault = () => "pass";
    }
  });

  it("gets no metrics from a server with a file store, which would keep the run's points twice", async () => {
    const text = JSON.stringify({ store_type: "FileStore" });
    proxy.fault = ({ path }) => (path.endsWith("/server-info") ? { status: 200, text } : "pass");
    try {
      const { info } = await runOf(await cell(await durable(await temporaryFolder())));
      const [model] = await modelsOf(info.runId);
      expect(model).toMatchObject({ name: "model", status: "READY" });
      expect((await client.loggedModels.get(model!.modelId)).metrics).toEqual([]);
      expect(await client.metrics.getHistory(info.runId, POINT.key)).toEqual([POINT]);
    } finally {
      proxy.fault = () => "pass";
    }
  });
});
