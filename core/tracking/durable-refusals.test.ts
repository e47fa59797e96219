import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { durableTracking, pointsOf } from "../../test/support/durable-tracking.ts";
import { mlflowUri, SERVER_START } from "../../test/support/mlflow-server.ts";

beforeAll(mlflowUri, SERVER_START);

describe("what the server refuses for good", () => {
  it("leaves out what is refused for good, and only that", async () => {
    const at = await durableTracking();
    const tracker = await at.open();
    const run = await tracker.startRun({ name: "refused" });
    await run.logParams({ fixed: 1 });
    await run.logMetrics([
      ...pointsOf(0, 20),
      { key: "bad\u0007key", value: 1, step: 0, timestamp: 1 },
      ...pointsOf(20, 40),
    ]);
    await run.logParams({ fixed: 2 });
    await run.setTags({ after: "yes" });
    await run.finish("FINISHED");
    await tracker.close();
    const [remote] = await at.remoteRuns();
    expect(await at.history(remote!.info.runId)).toEqual(pointsOf(0, 40));
    expect(remote).toMatchObject({
      params: { fixed: "1" },
      tags: { after: "yes" },
      info: { status: "FINISHED" },
    });
    const kept = (await readFile(join(at.root, run.id, "rejected.jsonl"), "utf8")).trim().split("\n");
    expect(kept.map((line) => JSON.parse(line))).toMatchObject([
      {
        what: "metric",
        content: { key: "bad\u0007key" },
        reason: expect.stringMatching(/INVALID_PARAMETER_VALUE/),
      },
      { what: "param", content: { key: "fixed", value: "2" } },
    ]);
    expect(at.warnings).toEqual([
      expect.stringMatching(/refused a metric/),
      expect.stringMatching(/refused a param/),
    ]);
  });

  it("goes without datasets where the server has no endpoint for them, with one warning", async () => {
    const at = await durableTracking();
    at.proxy.fault = ({ path }) => (path.endsWith("log-inputs") ? 404 : "pass");
    const tracker = await at.open();
    const run = await tracker.startRun({ name: "old server" });
    const input = { name: "icons", digest: "d1", source: "icons", context: "training" };
    await run.logInputs([input]);
    await run.logInputs([{ ...input, context: "test" }]);
    await run.finish("FINISHED");
    await tracker.close();
    expect(at.warnings).toEqual([expect.stringMatching(/refused a dataset.*no endpoint/)]);
    expect((await at.remoteRuns())[0]!.info.status).toBe("FINISHED");
  });

  it("goes without artifacts where the server takes none any more, with one warning", async () => {
    const at = await durableTracking();
    const text = "Endpoint: /x disabled due to the mlflow server running with `--no-serve-artifacts`.";
    at.proxy.fault = ({ method }) => (method === "PUT" ? { status: 503, text } : "pass");
    const tracker = await at.open();
    for (const name of ["a", "b"]) {
      const run = await tracker.startRun({ name });
      await run.logArtifact("first.txt", "1");
      await run.logMetrics(pointsOf(0, 5));
      await run.logArtifact("second.txt", "2");
      await run.finish("FINISHED");
    }
    await tracker.close();
    expect(at.warnings).toEqual([expect.stringMatching(/refused an artifact.*--no-serve-artifacts/)]);
    for (const { info } of await at.remoteRuns()) {
      expect(info.status).toBe("FINISHED");
      expect(await at.history(info.runId)).toEqual(pointsOf(0, 5));
    }
  });

  it("leaves a run deleted that someone deleted, and goes on with the others", async () => {
    const at = await durableTracking();
    const tracker = await at.open();
    const run = await tracker.startRun({ name: "deleted" });
    await expect.poll(() => run.url).toBeDefined();
    await at.client.runs.delete((await at.remoteRuns())[0]!.info.runId);
    await run.logMetrics(pointsOf(0, 5));
    await expect.poll(() => at.warnings).toEqual([expect.stringMatching(/was deleted on MLflow/)]);
    const other = await tracker.startRun({ name: "other" });
    await other.finish("FINISHED");
    await run.finish("FINISHED");
    await tracker.close();
    expect(at.warnings.length).toBe(1);
    expect((await at.remoteRuns()).map(({ info }) => [info.runName, info.lifecycleStage]).sort()).toEqual([
      ["deleted", "deleted"],
      ["other", "active"],
    ]);
  });
});
