import { beforeAll, describe, expect, it } from "vitest";
import { mlflowClient, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { hasErrorCode, type MlflowClient, modelOwner, type Run } from "./index.ts";

const DATASET = { name: "icons", digest: "0123-test", sourceType: "local", source: "{}" };

let client: MlflowClient;
let experimentId: string;
let run: Run;
beforeAll(async () => {
  client = await mlflowClient();
  experimentId = await client.experiments.create(uniqueName("models"));
  run = await client.runs.create({ experimentId, runName: "run" });
  await client.runs.logInputs(run.info.runId, [{ dataset: DATASET, tags: {} }]);
}, SERVER_START);

const newModel = (name = "model") =>
  client.loggedModels.create({
    experimentId,
    name,
    modelType: "classifier",
    sourceRunId: run.info.runId,
    params: { loss: "la" },
    tags: { "my.tag": "ein Ö" },
  });

describe("logged models", () => {
  it("keep what they are, their files and their metrics on a dataset", async () => {
    const { runId } = run.info;
    const model = await newModel();
    expect(model).toMatchObject({
      experimentId,
      name: "model",
      status: "PENDING",
      modelType: "classifier",
      sourceRunId: runId,
      params: { loss: "la" },
      tags: { "my.tag": "ein Ö" },
      metrics: [],
    });
    const bytes = Uint8Array.from([0, 1, 2, 255]);
    await client.artifacts.upload(modelOwner(model), "sub/model.bin", bytes);
    expect(await client.artifacts.download(modelOwner(model), "sub/model.bin")).toEqual(bytes);
    await client.loggedModels.logOutputs(runId, [{ modelId: model.modelId }]);
    const metric = { key: "test/overall", value: 0.75, timestamp: 1_700_000_000_000, step: 0 };
    await client.loggedModels.logMetrics(runId, [{ ...metric, modelId: model.modelId, dataset: DATASET }]);
    expect((await client.loggedModels.finalize(model.modelId, "READY")).status).toBe("READY");

    const kept = await client.loggedModels.get(model.modelId);
    expect(kept.metrics).toEqual([
      { ...metric, modelId: model.modelId, dataset: { name: DATASET.name, digest: DATASET.digest } },
    ]);
    const { items } = await client.loggedModels.search({
      experimentIds: [experimentId],
      filter: `source_run_id = '${runId}'`,
    });
    expect(items.map(({ modelId }) => modelId)).toEqual([model.modelId]);
    expect((await client.runs.get(runId)).metrics).toEqual([metric]);
    await client.loggedModels.delete(model.modelId);
    await expect(client.loggedModels.get(model.modelId)).rejects.toSatisfy((error) =>
      hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST"),
    );
  });
});

describe("the registry", () => {
  it("numbers versions and moves an alias", async () => {
    const { registry } = client;
    const name = uniqueName("Modell 'α'");
    expect(await registry.byAlias(name, "best")).toBeUndefined();
    await registry.ensure(name, { description: "first" });
    await registry.ensure(name);
    expect(await registry.byAlias(name, "best")).toBeUndefined();
    expect(await registry.versions(name)).toEqual([]);
    for (const expected of ["1", "2"]) {
      const { modelId } = await newModel(`m${expected}`);
      const made = await registry.createVersion({
        name,
        source: `models:/${modelId}`,
        runId: run.info.runId,
        modelId,
        tags: { n: expected },
      });
      expect(made).toMatchObject({
        name,
        version: expected,
        runId: run.info.runId,
        modelId,
        tags: { n: expected },
      });
    }
    await registry.setAlias(name, "best", "1");
    expect((await registry.byAlias(name, "best"))?.version).toBe("1");
    await registry.setAlias(name, "best", "2");
    await registry.setVersionTag(name, "1", "note", "was best");
    expect((await registry.byAlias(name, "best"))?.version).toBe("2");
    expect(await registry.getVersion(name, "1")).toMatchObject({
      aliases: [],
      tags: { n: "1", note: "was best" },
    });
    expect((await registry.versions(name)).map(({ version }) => version)).toEqual(["2", "1"]);
    await expect(registry.setAlias(name, "best", "9")).rejects.toThrow(/not found/);
  });
});
