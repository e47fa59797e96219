import { appendFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { durableTracking, pointsOf } from "../../test/support/durable-tracking.ts";
import { mlflowUri, SERVER_START } from "../../test/support/mlflow-server.ts";
import { createMlflowClient } from "../mlflow-js-client/index.ts";
import { syncToMlflow } from "./sync.ts";

beforeAll(mlflowUri, SERVER_START);

describe("openDurableTracker", () => {
  it("delivers nested runs whole, under ids of their own, and leaves nothing for sync", async () => {
    const at = await durableTracking();
    const tracker = await at.open();
    const parent = await tracker.startRun({ name: "comparison ✓" });
    const run = await tracker.startRun({ name: "la", parent, tags: { kind: "cell" } });
    const long = "ä".repeat(7000);
    await run.logParams({ lr: 0.01, note: long });
    for (const point of pointsOf(0, 1500)) await run.logMetrics([point]);
    // More than one request takes.
    await run.logMetrics(pointsOf(0, 2500, "many"));
    await run.logMetrics([{ key: "odd", value: Number.NaN, step: 0, timestamp: 1 }]);
    await run.logInputs([{ name: "icons", digest: "d1", source: "icons", context: "training" }]);
    await run.logArtifact("a/größe.csv", "1\n");
    await run.logArtifact("a/größe.csv", "2\n");
    await run.finish("FAILED", "NaN loss");
    await parent.finish("FINISHED");
    await tracker.close();
    expect(at.warnings).toEqual([]);

    const runs = await at.remoteRuns();
    expect(runs.length).toBe(2);
    const child = runs.find(({ info }) => info.runName === "la")!;
    const above = runs.find((other) => other !== child)!;
    expect(child.info.status).toBe("FAILED");
    expect(child.tags).toMatchObject({
      "dualtail.run_id": run.id,
      "dualtail.reason": "NaN loss",
      "mlflow.parentRunId": above.info.runId,
      kind: "cell",
    });
    expect(child.params).toEqual({ lr: "0.01", note: `${"ä".repeat(5999)}…` });
    expect(child.datasets).toHaveLength(1);
    expect(await at.history(child.info.runId)).toEqual(pointsOf(0, 1500));
    expect(await at.history(child.info.runId, "many")).toEqual(pointsOf(0, 2500, "many"));
    const text = new TextDecoder().decode(await at.client.artifacts.download(child.info, "a/größe.csv"));
    expect(text).toBe("2\n");
    expect(run.url).toBe(
      createMlflowClient({ trackingUri: at.proxy.uri }).runUrl(child.info.experimentId, child.info.runId),
    );
    // 1500 points that were logged one by one.
    expect(at.batches()).toBeLessThan(40);
    expect(await syncToMlflow(at)).toMatchObject({ uploaded: 0, unchanged: 2 });
    expect((await readdir(join(at.root, run.id))).sort()).toEqual([
      "artifacts",
      "events.jsonl",
      "synced.json",
    ]);
  });

  it("delivers what is left of nested runs when their parent is resumed", async () => {
    const at = await durableTracking();
    const first = await at.open({ timing: { patience: 100 } });
    const parent = await first.startRun({ name: "parent" });
    await expect.poll(() => parent.url).toBeDefined();
    at.proxy.fault = () => "refuse";
    const child = await first.startRun({ name: "child", parent });
    await child.logMetrics(pointsOf(0, 5));
    await child.finish("FINISHED");
    await parent.finish("KILLED");
    await first.close();
    at.proxy.fault = () => "pass";
    const second = await at.open();
    const again = await second.resumeRun(parent.id, "parent");
    await again.finish("FINISHED");
    await second.close();
    const runs = await at.remoteRuns();
    expect(runs.map(({ info }) => [info.runName, info.status]).sort()).toEqual([
      ["child", "FINISHED"],
      ["parent", "FINISHED"],
    ]);
    const shown = runs.find(({ info }) => info.runName === "child")!;
    expect(await at.history(shown.info.runId)).toEqual(pointsOf(0, 5));
    expect(await syncToMlflow(at)).toMatchObject({ uploaded: 0, unchanged: 2 });
  });

  it("resumes a run by its own id, and refuses a second writer and a run without a journal", async () => {
    const at = await durableTracking();
    const first = await at.open();
    const run = await first.startRun({ name: "resumed" });
    await run.logMetrics(pointsOf(0, 3));
    const second = await at.open();
    await expect(second.resumeRun(run.id, "resumed")).rejects.toThrow(/is being written by process \d+/);
    await run.finish("KILLED", "interrupted");
    await first.close();
    await appendFile(join(at.root, run.id, "events.jsonl"), '{"type":"metr');
    // Nobody there when it goes on.
    at.proxy.fault = () => "refuse";
    const again = await second.resumeRun(run.id, "resumed");
    await again.logMetrics(pointsOf(3, 5));
    at.proxy.fault = () => "pass";
    await again.finish("FINISHED");
    await expect(second.resumeRun("0".repeat(32), "lost")).rejects.toThrow(
      /has no journal in .*cannot be resumed/,
    );
    await second.close();
    const [remote, ...others] = await at.remoteRuns();
    expect(others).toEqual([]);
    expect(remote!.info.status).toBe("FINISHED");
    expect(remote!.tags).not.toHaveProperty(["dualtail.reason"]);
    expect(await at.history(remote!.info.runId)).toEqual(pointsOf(0, 5));
  });

  it("does not upload a file that is no longer what was logged", async () => {
    const at = await durableTracking();
    at.proxy.fault = () => "refuse";
    const tracker = await at.open();
    const run = await tracker.startRun({ name: "spoilt" });
    await run.logArtifact("good.txt", "good");
    await run.logArtifact("bad.txt", "as logged");
    await mkdir(join(at.root, run.id, "artifacts"), { recursive: true });
    await writeFile(join(at.root, run.id, "artifacts", "bad.txt"), "spoilt");
    at.proxy.fault = () => "pass";
    await run.finish("FINISHED");
    await tracker.close();
    expect(at.warnings.at(-1)).toMatch(/bad\.txt is not what was logged: its checksum differs/);
    const files = await at.client.artifacts.list((await at.remoteRuns())[0]!.info.runId);
    expect(files.map(({ path }) => path)).toEqual(["good.txt"]);
  });
});
