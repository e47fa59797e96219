import { beforeAll, describe, expect, it } from "vitest";
import { durableTracking, pointsOf } from "../../test/support/durable-tracking.ts";
import type { FaultyProxy } from "../../test/support/faulty-proxy.ts";
import { mlflowUri, SERVER_START } from "../../test/support/mlflow-server.ts";
import { syncToMlflow } from "./sync.ts";
import type { Tracker } from "./tracker.ts";

beforeAll(mlflowUri, SERVER_START);

const OTHERS = ["a", "b", "c", "d", "e"];

type At = Awaited<ReturnType<typeof durableTracking>>;

/** Requests about the metrics of a run, and about nothing else. */
const batchesOf =
  (runId: string): FaultyProxy["fault"] =>
  ({ path, body }) =>
    path.endsWith("log-batch") && (JSON.parse(body) as { run_id: string }).run_id === runId ? "hang" : "pass";

/** A run whose requests with data are never answered, and others after it. */
async function oneThatHangs(at: At, tracker: Tracker) {
  const first = await tracker.startRun({ name: "first" });
  await expect.poll(() => first.url, { timeout: 30_000 }).toBeDefined();
  await expect.poll(async () => (await at.remoteRun("first")).tags["dualtail.synced_bytes"]).toBeDefined();
  at.proxy.fault = batchesOf((await at.remoteRun("first")).info.runId);
  await first.logMetrics(pointsOf(0, 5));
  await first.finish("FINISHED");
  await expect.poll(() => at.batches(), { timeout: 10_000 }).toBeGreaterThan(1);
  for (const name of OTHERS) {
    const run = await tracker.startRun({ name, parent: first });
    await run.logMetrics(pointsOf(0, 50));
    await run.finish("FINISHED");
  }
}

const finished = async (at: At) =>
  (await at.remoteRuns())
    .filter(({ info }) => info.status === "FINISHED")
    .map(({ info }) => info.runName)
    .sort();

describe("where requests hang", () => {
  it("one run holds no other up, neither before its time is over nor at the end", async () => {
    const at = await durableTracking();
    const tracker = await at.open({ timing: { patience: 1000 } });
    const started = Date.now();
    await oneThatHangs(at, tracker);
    // The request has 30 s.
    await expect.poll(() => finished(at), { timeout: 20_000 }).toEqual(OTHERS);
    expect(Date.now() - started).toBeLessThan(20_000);
    const closing = Date.now();
    await tracker.close();
    expect(Date.now() - closing).toBeLessThan(5000);
    expect(at.warnings).toEqual([expect.stringMatching(/^2 events of 1 run are not on MLflow yet/)]);
    at.proxy.fault = () => "pass";
    expect(await syncToMlflow(at)).toMatchObject({ uploaded: 1, unchanged: 5 });
    expect(await at.history((await at.remoteRun("first")).info.runId)).toEqual(pointsOf(0, 5));
  });

  it("a time that is over is that run's trouble, told once, until it is over", async () => {
    const at = await durableTracking();
    const timing = { request: 2000, backoff: 200, maxBackoff: 10_000, patience: 10_000 };
    const tracker = await at.open({ timing });
    await oneThatHangs(at, tracker);
    await expect.poll(() => finished(at), { timeout: 20_000 }).toEqual(OTHERS);
    await expect
      .poll(() => at.warnings, { timeout: 10_000 })
      .toEqual([expect.stringMatching(/no answer within 2 s. The work goes on/)]);
    expect(at.lines).toEqual([]);
    at.proxy.fault = () => "pass";
    await tracker.close();
    expect(await finished(at)).toEqual([...OTHERS, "first"]);
    expect(at.lines).toEqual([expect.stringMatching(/takes data again/)]);
  });

  it("an artifact store holds up no metrics, of however many runs it gets files", async () => {
    const at = await durableTracking();
    at.proxy.fault = ({ method }) => (method === "PUT" ? "hang" : "pass");
    const tracker = await at.open({ timing: { patience: 1000 } });
    const parent = await tracker.startRun({ name: "parent" });
    await parent.logArtifact("config.yaml", "a: 1");
    for (const name of OTHERS) {
      const run = await tracker.startRun({ name, parent });
      await run.logMetrics(pointsOf(0, 50));
      await run.logArtifact("table.csv", name);
      await run.finish("FINISHED");
    }
    const whole = async () => {
      const runs = (await at.remoteRuns()).filter(({ info }) => info.runName !== "parent");
      return Promise.all(runs.map(async ({ info }) => (await at.history(info.runId)).length));
    };
    await expect.poll(whole, { timeout: 20_000 }).toEqual(OTHERS.map(() => 50));
    await parent.finish("FINISHED");
    await tracker.close();
    expect(at.warnings).toEqual([expect.stringMatching(/events of 6 runs are not on MLflow yet/)]);
    at.proxy.fault = () => "pass";
    expect(await syncToMlflow(at)).toMatchObject({ uploaded: 6 });
    expect(await finished(at)).toEqual([...OTHERS, "parent"]);
  });

  it("files of finished runs are not waited for one after the other", async () => {
    const at = await durableTracking();
    const first = await at.open();
    for (const name of OTHERS) {
      const run = await first.startRun({ name, tags: { mark: "x" } });
      await run.logArtifact("table.csv", name);
      await run.finish("FINISHED");
    }
    await first.close();
    at.proxy.fault = ({ method, path }) =>
      method === "GET" && path.includes("/mlflow-artifacts/") ? "hang" : "pass";
    const tracker = await at.open({ timing: { ask: 4000 } });
    const runs = await tracker.finishedRuns!("mark");
    expect(runs).toHaveLength(OTHERS.length);
    for (const run of runs) expect(await run.artifact("table.csv")).toBeUndefined();
    const asked = at.proxy.requests.filter((one) => one.startsWith("GET") && one.includes("table.csv"));
    expect(asked).toHaveLength(1);
    expect(at.warnings).toEqual([expect.stringMatching(/cannot be read.*No other file/)]);
    at.proxy.fault = () => "pass";
    const again = await tracker.finishedRuns!("mark");
    expect(await again[0]!.artifact("table.csv")).toBeDefined();
    await tracker.close();
  });
});
