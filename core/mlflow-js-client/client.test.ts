import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { createMlflowClient, hasErrorCode, type MlflowClient, type Run } from "./index.ts";

let client: MlflowClient;
let experimentId: string;
beforeAll(async () => {
  client = await mlflowClient();
  experimentId = await client.experiments.create(uniqueName("client"), { tags: { purpose: "tests" } });
}, SERVER_START);

const newRun = (runName = "run"): Promise<Run> => client.runs.create({ experimentId, runName });

describe("experiments", () => {
  it("creates, finds, tags and searches", async () => {
    const name = uniqueName("Größen ✓ 'quoted'");
    expect(await client.experiments.getByName(name)).toBeUndefined();
    const id = await client.experiments.create(name);
    await client.experiments.setTag(id, "note", "später");
    expect(await client.experiments.getByName(name)).toMatchObject({
      experimentId: id,
      name,
      lifecycleStage: "active",
      tags: { note: "später" },
    });
    const { items } = await client.experiments.search({ filter: `name = "${name}"` });
    expect(items.map((experiment) => experiment.experimentId)).toEqual([id]);
    await expect(client.experiments.create(name)).rejects.toSatisfy((error) =>
      hasErrorCode(error, "RESOURCE_ALREADY_EXISTS"),
    );
  });

  it("ensure() is right when several do it at once", async () => {
    const name = uniqueName("race");
    const all = await Promise.all(Array.from({ length: 6 }, () => client.experiments.ensure(name)));
    expect(new Set(all.map((experiment) => experiment.experimentId)).size).toBe(1);
  });

  it("shows a deleted experiment as deleted, and restores it", async () => {
    const { experimentId: id, name } = await client.experiments.ensure(uniqueName("trash"));
    await client.experiments.delete(id);
    expect((await client.experiments.ensure(name)).lifecycleStage).toBe("deleted");
    await client.experiments.restore(id);
    expect((await client.experiments.get(id)).lifecycleStage).toBe("active");
  });
});

describe("runs", () => {
  it("keeps params, tags, inputs, times and status", async () => {
    const tags = { "my.tag": "ein\nTag ✓", empty: "" };
    const { info } = await client.runs.create({
      experimentId,
      runName: "Lauf α",
      startTime: 1_700_000_000_123,
      tags,
    });
    expect(info).toMatchObject({ status: "RUNNING", startTime: 1_700_000_000_123, runName: "Lauf α" });
    await client.runs.logParameter(info.runId, "lr", "0.01");
    await client.runs.logBatch(info.runId, {
      params: { "train/Öl": "日本語", blank: "" },
      tags: { other: "x" },
    });
    await client.runs.setTag(info.runId, "gone", "soon");
    await client.runs.deleteTag(info.runId, "gone");
    const dataset = {
      name: "icons",
      digest: "0123abcd",
      sourceType: "local",
      source: '{"uri":"icons"}',
      schema: "{}",
    };
    await client.runs.logInputs(info.runId, [{ dataset, tags: { "mlflow.data.context": "training" } }]);
    await client.runs.update(info.runId, { status: "KILLED", endTime: 1_700_000_001_456, runName: "neu" });

    const run = await client.runs.get(info.runId);
    expect(run.info).toMatchObject({ status: "KILLED", endTime: 1_700_000_001_456, runName: "neu" });
    expect(run.params).toEqual({ lr: "0.01", "train/Öl": "日本語", blank: "" });
    expect(run.tags).toMatchObject({ ...tags, other: "x" });
    expect(run.tags).not.toHaveProperty("gone");
    expect(run.datasets).toEqual([{ dataset, tags: { "mlflow.data.context": "training" } }]);
  });

  it("searches by tag, page by page, and leaves deleted runs out", async () => {
    const mark = uniqueName("mark");
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      ids.push((await client.runs.create({ experimentId, tags: { mark } })).info.runId);
    }
    await client.runs.delete(ids[0]!);
    const search = (viewType: "ALL" | "ACTIVE_ONLY", pageToken?: string) =>
      client.runs.search({
        experimentIds: [experimentId],
        filter: `tags.mark = '${mark}'`,
        viewType,
        maxResults: 2,
        pageToken,
      });
    const first = await search("ALL");
    const second = await search("ALL", first.nextPageToken);
    expect([...first.items, ...second.items].map((run) => run.info.runId).sort()).toEqual([...ids].sort());
    expect((await search("ACTIVE_ONLY")).items.map((run) => run.info.runId).sort()).toEqual(
      ids.slice(1).sort(),
    );
  });

  it("explains a missing run in one line", async () => {
    await expect(client.runs.get("0".repeat(32))).rejects.toMatchObject({
      name: "MlflowError",
      status: 404,
      errorCode: "RESOURCE_DOES_NOT_EXIST",
      endpoint: "GET /api/2.0/mlflow/runs/get",
      attempts: 1,
      message: expect.stringMatching(/^MLflow at http:\S+ refused GET .* not found$/),
    });
  });
});

describe("metrics", () => {
  it("takes more than a call may hold, in order, and pages the history", async () => {
    const { info } = await newRun();
    const metrics = Array.from({ length: 2500 }, (_, step) => ({
      key: "loss",
      value: 1 / (step + 1),
      timestamp: 1e12 + step,
      step,
    }));
    const params = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`p${i}`, "x".repeat(5000)]));
    const tags = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`t${i}`, String(i)]));
    await client.runs.logBatch(info.runId, { metrics, params, tags });
    expect(await client.metrics.getHistory(info.runId, "loss", { pageSize: 700 })).toEqual(metrics);
    const run = await client.runs.get(info.runId);
    expect(run.params).toEqual(params);
    expect(run.tags).toMatchObject(tags);
    expect(run.metrics).toEqual([metrics.at(-1)]);
  });

  it("keeps NaN, and infinities as MLflow keeps them", async () => {
    const { info } = await newRun();
    const metrics = [NaN, Infinity, -Infinity, 0].map((value, step) => ({
      key: "odd",
      value,
      timestamp: step,
      step,
    }));
    await client.runs.logBatch(info.runId, { metrics });
    await client.runs.logMetric(info.runId, { key: "single", value: NaN, timestamp: 1, step: 0 });
    const values = (await client.metrics.getHistory(info.runId, "odd")).map(({ value }) => value);
    expect(values).toEqual([NaN, Number.MAX_VALUE, -Number.MAX_VALUE, 0]);
    expect((await client.metrics.getHistory(info.runId, "single")).map(({ value }) => value)).toEqual([NaN]);
  });
});

describe("artifacts", () => {
  it("round-trips text, bytes, empty files and files from disk", async () => {
    const { info } = await newRun();
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256);
    const folder = await mkdtemp(join(tmpdir(), "dualtail-artifact-"));
    try {
      await writeFile(join(folder, "big.bin"), bytes);
      await client.artifacts.upload(info, "tabelle/ä ✓ 50% a&b?.md", "größer\n");
      await client.artifacts.upload(info, "raw.bin", bytes);
      await client.artifacts.upload(info, "empty", "");
      await client.artifacts.uploadFile(info, "deep/er/big.bin", join(folder, "big.bin"));
    } finally {
      await rm(folder, { recursive: true });
    }
    const text = await client.artifacts.download(info, "tabelle/ä ✓ 50% a&b?.md");
    expect(new TextDecoder().decode(text)).toBe("größer\n");
    expect(await client.artifacts.download(info, "raw.bin")).toEqual(bytes);
    expect(await client.artifacts.download(info, "deep/er/big.bin")).toEqual(bytes);
    expect(await client.artifacts.download(info, "empty")).toEqual(new Uint8Array());
    const root = await client.artifacts.list(info.runId);
    expect(root.map(({ path, isDir }) => [path, isDir])).toEqual([
      ["deep", true],
      ["empty", false],
      ["raw.bin", false],
      ["tabelle", true],
    ]);
    expect(root[2]!.size).toBe(70_000);
    expect(await client.artifacts.list(info.runId, "deep/er")).toMatchObject([{ path: "deep/er/big.bin" }]);
  });

  it.each(["../up", "/abs", "a//b", "a#b", "a\\b", ""])("refuses the path %j", async (path) => {
    const { info } = await newRun();
    await expect(client.artifacts.upload(info, path, "x")).rejects.toThrow(/is no artifact path/);
  });

  it("says so when the server does not proxy a run's artifacts", async () => {
    const id = await client.experiments.create(uniqueName("s3"), {
      artifactLocation: "s3://user:secret@bucket/x?key=secret",
    });
    const { info } = await client.runs.create({ experimentId: id });
    const failure = client.artifacts.upload(info, "a", "x");
    await expect(failure).rejects.toMatchObject({ errorCode: "UNSUPPORTED_ARTIFACT_URI" });
    await expect(failure).rejects.toThrow(/s3:\/\/bucket\/x.*--artifacts-destination/);
    await expect(failure).rejects.not.toThrow(/secret/);
  });
});

describe("server", () => {
  it("answers health and version, also below a slash too many", async () => {
    const slashed = createMlflowClient({ trackingUri: `${await mlflowUri()}//` });
    await slashed.server.health();
    expect(await slashed.server.version()).toMatch(/^3\.\d+\.\d+$/);
    expect(slashed.runUrl("1", "abc")).toBe(`${await mlflowUri()}/#/experiments/1/runs/abc`);
  });
});
