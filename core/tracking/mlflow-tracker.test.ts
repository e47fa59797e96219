import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { beforeAll, describe, expect, it } from "vitest";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { createMlflowClient, type MlflowClient } from "../mlflow-js-client/index.ts";
import { TrackingError } from "./errors.ts";
import { openMlflowTracker } from "./mlflow-tracker.ts";
import type { MetricPoint, Tracker } from "./tracker.ts";

let client: MlflowClient;
let tracker: Tracker;
beforeAll(async () => {
  client = await mlflowClient();
  tracker = await openMlflowTracker({ client, experiment: uniqueName("tracker") });
}, SERVER_START);

const losses = (count: number): MetricPoint[] =>
  Array.from({ length: count }, (_, step) => ({
    key: "loss",
    value: step / 8,
    step,
    timestamp: 1e12 + step,
  }));

describe("finishedRuns", () => {
  it("answers the finished runs with a tag, newest first, with what they logged", async () => {
    const own = await openMlflowTracker({ client, experiment: uniqueName("finished") });
    const start = async (name: string, tags: Readonly<Record<string, string>>) => {
      const run = await own.startRun({ name, tags });
      await run.logMetrics([
        { key: "test/overall", value: 0.1 + 0.2, step: 0, timestamp: 1 },
        { key: "odd", value: Number.NaN, step: 0, timestamp: 1 },
      ]);
      return run;
    };
    const first = await start("first", { mark: "a" });
    await first.logArtifact("logits", new Uint8Array([0, 255]));
    await first.finish("FINISHED");
    const second = await start("second", { mark: "b" });
    await second.finish("FINISHED");
    await (await start("unmarked", {})).finish("FINISHED");
    await (await start("killed", { mark: "a" })).finish("KILLED");
    await start("running", { mark: "a" });

    const found = await own.finishedRuns!("mark");
    expect(found.map(({ id, tags }) => [id, tags.mark])).toEqual([
      [second.id, "b"],
      [first.id, "a"],
    ]);
    expect(found[1]).toMatchObject({ url: first.url, metrics: { "test/overall": 0.1 + 0.2 } });
    expect(found[1]!.metrics).not.toHaveProperty(["odd"]);
    expect(await found[1]!.artifact("logits")).toEqual(new Uint8Array([0, 255]));
    expect(await found[1]!.artifact("nothing")).toBeUndefined();
    await own.close();
  });
});

describe("openMlflowTracker", () => {
  it("tracks a nested run whole", async () => {
    const parent = await tracker.startRun({ name: "comparison" });
    const run = await tracker.startRun({
      name: "la · clip",
      parent,
      tags: { "mlflow.source.git.commit": "abc123" },
    });
    const long = "ä".repeat(7000);
    await run.logParams({ lr: 0.01, nesterov: true, prompt: "a photo of a {}.", "data.names": long });
    for (const point of losses(1200)) await run.logMetrics([point]);
    await run.logMetrics([{ key: "odd", value: NaN, step: 0, timestamp: 5 }]);
    await run.setTags({ "dualtail.kind": "cell", long });
    const input = {
      name: "icons-lt",
      source: "https://example.org/icons",
      profile: { images: 3 },
      schema: { a: 1 },
    };
    await run.logInputs([
      { ...input, digest: "0123456789abcdef01234567-train", context: "training" },
      { ...input, digest: "0123456789abcdef01234567-test", context: "test", source: "/data/icons" },
    ]);
    await run.logArtifact("plots/groups.svg", "<svg/>");
    const folder = await mkdtemp(join(tmpdir(), "dualtail-tracker-"));
    try {
      await writeFile(join(folder, "weights"), new Uint8Array([0, 255, 10]));
      await run.logArtifactFile("checkpoint/adapters.safetensors", join(folder, "weights"));
      await expect(run.logArtifactFile("x", join(folder, "missing"))).rejects.toThrow(
        /missing: cannot be logged/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
    await run.finish("FAILED", `NaN loss at step 3\n${long}`);
    await parent.finish("FINISHED");

    const stored = await client.runs.get(run.id);
    expect(stored.info).toMatchObject({ status: "FAILED", runName: "la · clip" });
    expect(stored.info.endTime).toBeGreaterThanOrEqual(stored.info.startTime);
    expect(stored.params).toMatchObject({ lr: "0.01", nesterov: "true", prompt: "a photo of a {}." });
    expect(stored.params["data.names"]).toBe(`${"ä".repeat(5999)}…`);
    expect(
      new TextDecoder().decode(await client.artifacts.download(stored.info, "params/data.names.txt")),
    ).toBe(long);
    expect(stored.tags).toMatchObject({
      "mlflow.parentRunId": parent.id,
      "mlflow.runName": "la · clip",
      "mlflow.source.name": "dualtail",
      "mlflow.source.git.commit": "abc123",
      "mlflow.user": expect.stringMatching(/./),
      "dualtail.kind": "cell",
      "dualtail.run_id": expect.stringMatching(/^[0-9a-f]{32}$/),
      "dualtail.reason": expect.stringMatching(/^NaN loss at step 3\n/),
    });
    expect(stored.datasets.map(({ dataset, tags }) => [dataset.sourceType, dataset.source, tags])).toEqual([
      ["http", '{"url":"https://example.org/icons"}', { "mlflow.data.context": "training" }],
      ["local", '{"uri":"/data/icons"}', { "mlflow.data.context": "test" }],
    ]);
    expect(await client.metrics.getHistory(run.id, "loss")).toEqual(losses(1200));
    expect((await client.metrics.getHistory(run.id, "odd"))[0]!.value).toBeNaN();
    expect(await client.artifacts.download(stored.info, "checkpoint/adapters.safetensors")).toEqual(
      new Uint8Array([0, 255, 10]),
    );
    expect(run.url).toBe(`${await mlflowUri()}/#/experiments/${stored.info.experimentId}/runs/${run.id}`);
    expect(run.url!.startsWith(`${tracker.experimentUrl}/`)).toBe(true);
  });

  it("delivers waiting metrics by itself after a while, and on close", async () => {
    const run = await tracker.startRun({ name: "waiting" });
    await run.logMetrics(losses(3));
    expect(await client.metrics.getHistory(run.id, "loss")).toEqual([]);
    await expect
      .poll(() => client.metrics.getHistory(run.id, "loss"), { timeout: 10_000 })
      .toEqual(losses(3));
    await run.logMetrics([{ key: "last", value: 1, step: 0, timestamp: 1 }]);
    await tracker.close();
    expect(await client.metrics.getHistory(run.id, "last")).toHaveLength(1);
  });

  it("goes on with a run that was killed", async () => {
    const first = await tracker.startRun({ name: "resumed" });
    await first.logMetrics(losses(2));
    await first.finish("KILLED", "interrupted");
    const again = await tracker.resumeRun(first.id, "resumed");
    expect((await client.runs.get(first.id)).info.status).toBe("RUNNING");
    await again.logMetrics(losses(4).slice(2));
    await again.finish("FINISHED");
    expect(await client.metrics.getHistory(first.id, "loss")).toEqual(losses(4));
    expect((await client.runs.get(first.id)).info.status).toBe("FINISHED");
  });

  it("reports a refused metric at the next call, and still ends the run", async () => {
    const run = await tracker.startRun({ name: "refused" });
    await run.logMetrics([{ key: "bad\u0007key", value: 1, step: 0, timestamp: 1 }]);
    await expect(run.finish("FINISHED")).rejects.toThrow(/INVALID_PARAMETER_VALUE/);
    expect((await client.runs.get(run.id)).info.status).toBe("FINISHED");
  });

  it("explains runs that are gone and an experiment in the trash", async () => {
    await expect(tracker.resumeRun("0".repeat(32), "lost")).rejects.toThrow(
      /the run "lost" .* is no longer on MLflow/,
    );
    const { info } = await client.runs.get((await tracker.startRun({ name: "deleted" })).id);
    await client.runs.delete(info.runId);
    await expect(tracker.resumeRun(info.runId, "deleted")).rejects.toBeInstanceOf(TrackingError);
    const experiment = uniqueName("trash");
    await client.experiments.delete((await client.experiments.ensure(experiment)).experimentId);
    await expect(openMlflowTracker({ client, experiment })).rejects.toMatchObject({
      oneLine: expect.stringMatching(/in the trash .* mlflow experiments restore --experiment-id \d+$/),
    });
  });

  it("names a server that cannot be reached", async () => {
    const host = `127.0.0.1:${await getPort({ host: "127.0.0.1" })}`;
    const nobody = createMlflowClient({ trackingUri: `http://user:pw@${host}`, retries: 0 });
    const failure = openMlflowTracker({ client: nobody, experiment: "x" });
    await expect(failure).rejects.toMatchObject({
      name: "TrackingError",
      oneLine: expect.stringMatching(
        /^MLflow at http:\/\/127\.0\.0\.1:\d+ cannot be reached.* MLFLOW_TRACKING_URI/,
      ),
    });
  });
});
