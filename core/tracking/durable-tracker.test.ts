import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FaultyProxy, startFaultyProxy } from "../../test/support/faulty-proxy.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { createMlflowClient, type MlflowClient } from "../mlflow-js-client/index.ts";
import { openDurableTracker } from "./durable-tracker.ts";
import { syncToMlflow } from "./sync.ts";
import type { MetricPoint } from "./tracker.ts";

let client: MlflowClient;
let proxy: FaultyProxy;
let root: string;
let experiment: string;
let lines: string[];
let warnings: string[];
beforeAll(async () => {
  client = await mlflowClient();
}, SERVER_START);
beforeEach(async () => {
  proxy = await startFaultyProxy(await mlflowUri());
  root = await temporaryFolder();
  experiment = uniqueName("durable");
  lines = [];
  warnings = [];
});
afterEach(async () => {
  await proxy.close();
  await rm(root, { recursive: true, force: true });
});

interface Setting {
  readonly patience?: number;
  readonly onRequest?: (url: string, body: string) => void;
}

const open = ({ patience = 10_000, onRequest }: Setting = {}) =>
  openDurableTracker({
    connect: (options) =>
      createMlflowClient({
        trackingUri: proxy.uri,
        ...options,
        fetch: (input, init) => {
          onRequest?.(String(input), String(init?.body));
          return options.fetch!(input, init);
        },
      }),
    experiment,
    root,
    warn: (line) => warnings.push(line),
    line: (line) => lines.push(line),
    timing: { gather: 20, maxGather: 20, backoff: 20, maxBackoff: 100, patience, ask: 1000 },
  });

const points = (from: number, to: number, key = "loss"): MetricPoint[] =>
  Array.from({ length: to - from }, (_, i) => ({
    key,
    value: (from + i) / 4,
    step: from + i,
    timestamp: 1e12 + from + i,
  }));

async function remoteRuns() {
  const known = await client.experiments.getByName(experiment);
  if (!known) return [];
  return (await client.runs.search({ experimentIds: [known.experimentId], viewType: "ALL" })).items;
}

const history = (runId: string, key = "loss") => client.metrics.getHistory(runId, key);
const batches = () => proxy.requests.filter((request) => request.includes("log-batch")).length;

describe("what exactly-once delivery builds on", () => {
  it("an equal point is stored once, and a batch applies tags after the metrics", async () => {
    const { experimentId } = await client.experiments.ensure(experiment);
    const { info } = await client.runs.create({ experimentId });
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, -0].map((value, step) => ({
      key: "odd",
      value,
      step,
      timestamp: 5,
    }));
    const metrics = [...points(0, 5), ...odd];
    await client.runs.logBatch(info.runId, { metrics, tags: { at: "1" } });
    await client.runs.logBatch(info.runId, { metrics: [...metrics, ...points(5, 7)], tags: { at: "2" } });
    expect(await history(info.runId)).toEqual(points(0, 7));
    expect((await history(info.runId, "odd")).length).toBe(3);
    // A refused param stops it before the metrics: the position, a tag, stays behind.
    await client.runs.logBatch(info.runId, { params: { p: "1" } });
    const refused = { params: { p: "2" }, metrics: points(7, 8), tags: { at: "3" } };
    await expect(client.runs.logBatch(info.runId, refused)).rejects.toThrow(/INVALID_PARAMETER_VALUE/);
    expect((await client.runs.get(info.runId)).tags.at).toBe("2");
    expect(await history(info.runId)).toEqual(points(0, 7));
  });
});

describe("openDurableTracker", () => {
  it("delivers nested runs whole, under ids of their own, and leaves nothing for sync", async () => {
    const tracker = await open();
    const parent = await tracker.startRun({ name: "comparison ✓" });
    const run = await tracker.startRun({ name: "la", parent, tags: { kind: "cell" } });
    const long = "ä".repeat(7000);
    await run.logParams({ lr: 0.01, note: long });
    for (const point of points(0, 1500)) await run.logMetrics([point]);
    // More than one request takes.
    await run.logMetrics(points(0, 2500, "many"));
    await run.logMetrics([{ key: "odd", value: Number.NaN, step: 0, timestamp: 1 }]);
    await run.logInputs([{ name: "icons", digest: "d1", source: "icons", context: "training" }]);
    await run.logArtifact("a/größe.csv", "1\n");
    await run.logArtifact("a/größe.csv", "2\n");
    await run.finish("FAILED", "NaN loss");
    await parent.finish("FINISHED");
    await tracker.close();
    expect(warnings).toEqual([]);

    const runs = await remoteRuns();
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
    expect(await history(child.info.runId)).toEqual(points(0, 1500));
    expect(await history(child.info.runId, "many")).toEqual(points(0, 2500, "many"));
    const text = new TextDecoder().decode(await client.artifacts.download(child.info, "a/größe.csv"));
    expect(text).toBe("2\n");
    expect(run.url).toBe(
      createMlflowClient({ trackingUri: proxy.uri }).runUrl(child.info.experimentId, child.info.runId),
    );
    // 1500 points that were logged one by one.
    expect(batches()).toBeLessThan(40);
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 0, unchanged: 2 });
    expect((await readdir(join(root, run.id))).sort()).toEqual(["artifacts", "events.jsonl", "synced.json"]);
  });

  it("goes on while the server is down, says so once, and delivers when it is back", async () => {
    const tracker = await open();
    const parent = await tracker.startRun({ name: "parent" });
    await expect.poll(() => parent.url).toBeDefined();
    proxy.fault = () => "refuse";
    await parent.logParams({ a: 1 });
    expect(await tracker.finishedRuns!("mark")).toEqual([]);
    const reused = () => warnings.filter((line) => line.includes("reused"));
    expect(reused()).toEqual([expect.stringMatching(/cannot be reached.*no finished run is reused/)]);
    warnings = warnings.filter((line) => !line.includes("reused"));
    const run = await tracker.startRun({ name: "r", parent });
    const started = performance.now();
    for (let step = 0; step < 300; step++) await run.logMetrics(points(step, step + 1));
    expect(performance.now() - started).toBeLessThan(2000);
    expect(run.url).toBeUndefined();
    await expect.poll(() => warnings.length).toBe(1);
    expect(warnings[0]).toMatch(/cannot be reached.*the work goes on/i);
    const asked = proxy.requests.length;
    await expect.poll(() => proxy.requests.length).toBeGreaterThan(asked + 4);
    proxy.fault = () => "pass";
    await expect.poll(() => lines, { timeout: 5000 }).toEqual([expect.stringMatching(/takes data again/)]);
    await run.finish("FINISHED");
    await tracker.close();
    expect(warnings.length).toBe(1);
    expect(lines.length).toBe(1);
    const runs = await remoteRuns();
    expect(runs.map(({ info }) => info.runName).sort()).toEqual(["parent", "r"]);
    const remote = runs.find(({ info }) => info.runName === "r");
    expect(await history(remote!.info.runId)).toEqual(points(0, 300));
    expect(remote!.info.status).toBe("FINISHED");
  });

  it.each([1, 2])("loses and doubles nothing under faults of every kind (seed %i)", async (seed) => {
    let state = seed;
    const random = () => {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
    proxy.fault = () => {
      const draw = random();
      if (draw < 0.15) return "lose";
      if (draw < 0.3) return "refuse";
      if (draw < 0.4) return draw < 0.35 ? 503 : 500;
      return draw < 0.5 ? { delayMs: 40 } : "pass";
    };
    const tracker = await open();
    const parent = await tracker.startRun({ name: "parent" });
    for (const name of ["a", "b"]) {
      const run = await tracker.startRun({ name, parent });
      await run.logParams({ name });
      for (let step = 0; step < 60; step++) {
        await run.logMetrics([...points(step, step + 1), ...points(step, step + 1, "other")]);
        if (step % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 30));
      }
      await run.logInputs([{ name: "icons", digest: "d1", source: "icons", context: "training" }]);
      await run.logArtifact("x.txt", name);
      await run.finish("FINISHED");
    }
    await parent.finish("FINISHED");
    await tracker.close();
    const runs = await remoteRuns();
    expect(runs.map(({ info }) => [info.runName, info.status]).sort()).toEqual([
      ["a", "FINISHED"],
      ["b", "FINISHED"],
      ["parent", "FINISHED"],
    ]);
    for (const { info, params, tags, datasets } of runs.filter((run) => run.info.runName !== "parent")) {
      expect(params).toEqual({ name: info.runName });
      expect(tags["mlflow.parentRunId"]).toBe(runs.find((run) => run.info.runName === "parent")!.info.runId);
      expect(datasets).toHaveLength(1);
      expect(await history(info.runId)).toEqual(points(0, 60));
      expect(await history(info.runId, "other")).toEqual(points(0, 60, "other"));
      expect(new TextDecoder().decode(await client.artifacts.download(info, "x.txt"))).toBe(info.runName);
    }
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 0, unchanged: 3 });
  });

  it("creates a run once though the answer was lost", async () => {
    let creations = 0;
    proxy.fault = ({ path }) => (path.endsWith("runs/create") && creations++ === 0 ? "lose" : "pass");
    const tracker = await open();
    const run = await tracker.startRun({ name: "once" });
    await run.finish("FINISHED");
    await tracker.close();
    expect(creations).toBe(1);
    expect((await remoteRuns()).map(({ tags }) => tags["dualtail.run_id"])).toEqual([run.id]);
  });

  it("sends no point again where a lost answer left it uncertain", async () => {
    const sent: number[] = [];
    let lost = false;
    proxy.fault = ({ path }) => {
      if (!path.endsWith("log-batch") || lost) return "pass";
      lost = true;
      return "lose";
    };
    const tracker = await open({
      onRequest: (url, body) => {
        if (url.endsWith("log-batch")) sent.push((JSON.parse(body) as { metrics: unknown[] }).metrics.length);
      },
    });
    const run = await tracker.startRun({ name: "uncertain" });
    await run.logMetrics(points(0, 10));
    await run.finish("FINISHED");
    await tracker.close();
    expect(sent).toEqual([10, 0]);
    expect(await history((await remoteRuns())[0]!.info.runId)).toEqual(points(0, 10));
  });

  it.each([500, 400])("a run that the server answers with %i does not hold up the others", async (status) => {
    // Not MLflow's own answer: 500 is tried again for ever, 400 is refused item by item.
    let poisoned = "";
    const batch = (body: string) => {
      const { run_id, metrics } = JSON.parse(body) as { run_id: string; metrics?: readonly MetricPoint[] };
      return run_id === poisoned && (metrics ?? []).some(({ key }) => key === "poison");
    };
    proxy.fault = ({ path, body }) => (path.endsWith("log-batch") && batch(body) ? status : "pass");
    const tracker = await open({ patience: 500 });
    const first = await tracker.startRun({ name: "first" });
    await expect.poll(() => first.url, { timeout: 30_000 }).toBeDefined();
    poisoned = (await remoteRuns())[0]!.info.runId;
    await first.logMetrics([...points(0, 5), ...points(0, 1, "poison"), ...points(5, 9)]);
    await first.finish("FINISHED");
    const others = [];
    for (const name of ["a", "b", "c", "d"]) {
      const run = await tracker.startRun({ name, parent: first });
      await run.logMetrics(points(0, 50));
      await run.finish("FINISHED");
      others.push(name);
    }
    const finished = async () =>
      (await remoteRuns()).filter(({ info }) => info.status === "FINISHED").map(({ info }) => info.runName);
    const healthy = status === 500 ? others : ["first", ...others];
    await expect.poll(async () => (await finished()).sort(), { timeout: 30_000 }).toEqual(healthy.sort());
    await tracker.close();
    for (const { info } of (await remoteRuns()).filter(({ info }) => info.runName !== "first"))
      expect(await history(info.runId)).toEqual(points(0, 50));
    if (status === 400) {
      expect(await history(poisoned)).toEqual(points(0, 9));
      expect(warnings).toEqual([expect.stringMatching(/refused a metric/)]);
      return;
    }
    expect(warnings).toEqual([
      expect.stringMatching(/500.*The work goes on/),
      expect.stringMatching(/events of 1 run are not on MLflow yet \(.*500/),
    ]);
    proxy.fault = () => "pass";
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 1, unchanged: 4 });
    expect(await history(poisoned)).toEqual(points(0, 9));
    expect(await history(poisoned, "poison")).toEqual(points(0, 1, "poison"));
  });

  it("gives up waiting at the end, says what is left, and sync delivers it", async () => {
    proxy.fault = () => 503;
    const tracker = await open({ patience: 300 });
    const run = await tracker.startRun({ name: "late" });
    await run.logMetrics(points(0, 5));
    await run.finish("FINISHED");
    await tracker.close();
    expect(warnings.at(-1)).toMatch(
      /^3 events of 1 run are not on MLflow yet \(.*503.*\); upload them: npx dualtail sync /,
    );
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 1 });
    expect(await history((await remoteRuns())[0]!.info.runId)).toEqual(points(0, 5));
  });

  it("delivers what is left of nested runs when their parent is resumed", async () => {
    const first = await open({ patience: 100 });
    const parent = await first.startRun({ name: "parent" });
    await expect.poll(() => parent.url).toBeDefined();
    proxy.fault = () => "refuse";
    const child = await first.startRun({ name: "child", parent });
    await child.logMetrics(points(0, 5));
    await child.finish("FINISHED");
    await parent.finish("KILLED");
    await first.close();
    proxy.fault = () => "pass";
    const second = await open();
    const again = await second.resumeRun(parent.id, "parent");
    await again.finish("FINISHED");
    await second.close();
    const runs = await remoteRuns();
    expect(runs.map(({ info }) => [info.runName, info.status]).sort()).toEqual([
      ["child", "FINISHED"],
      ["parent", "FINISHED"],
    ]);
    const shown = runs.find(({ info }) => info.runName === "child")!;
    expect(await history(shown.info.runId)).toEqual(points(0, 5));
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 0, unchanged: 2 });
  });

  it("leaves out what is refused for good, and only that", async () => {
    const tracker = await open();
    const run = await tracker.startRun({ name: "refused" });
    await run.logParams({ fixed: 1 });
    await run.logMetrics([
      ...points(0, 20),
      { key: "bad\u0007key", value: 1, step: 0, timestamp: 1 },
      ...points(20, 40),
    ]);
    await run.logParams({ fixed: 2 });
    await run.setTags({ after: "yes" });
    await run.finish("FINISHED");
    await tracker.close();
    const [remote] = await remoteRuns();
    expect(await history(remote!.info.runId)).toEqual(points(0, 40));
    expect(remote).toMatchObject({
      params: { fixed: "1" },
      tags: { after: "yes" },
      info: { status: "FINISHED" },
    });
    const kept = (await readFile(join(root, run.id, "rejected.jsonl"), "utf8")).trim().split("\n");
    expect(kept.map((line) => JSON.parse(line))).toMatchObject([
      {
        what: "metric",
        content: { key: "bad\u0007key" },
        reason: expect.stringMatching(/INVALID_PARAMETER_VALUE/),
      },
      { what: "param", content: { key: "fixed", value: "2" } },
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/refused a metric/),
      expect.stringMatching(/refused a param/),
    ]);
  });

  it("goes without datasets where the server has no endpoint for them, with one warning", async () => {
    proxy.fault = ({ path }) => (path.endsWith("log-inputs") ? 404 : "pass");
    const tracker = await open();
    const run = await tracker.startRun({ name: "old server" });
    const input = { name: "icons", digest: "d1", source: "icons", context: "training" };
    await run.logInputs([input]);
    await run.logInputs([{ ...input, context: "test" }]);
    await run.finish("FINISHED");
    await tracker.close();
    expect(warnings).toEqual([expect.stringMatching(/refused a dataset.*no endpoint/)]);
    expect((await remoteRuns())[0]!.info.status).toBe("FINISHED");
  });

  it("resumes a run by its own id, and refuses a second writer and a run without a journal", async () => {
    const first = await open();
    const run = await first.startRun({ name: "resumed" });
    await run.logMetrics(points(0, 3));
    const second = await open();
    await expect(second.resumeRun(run.id, "resumed")).rejects.toThrow(/is being written by process \d+/);
    await run.finish("KILLED", "interrupted");
    await first.close();
    await appendFile(join(root, run.id, "events.jsonl"), '{"type":"metr');
    // Nobody there when it goes on.
    proxy.fault = () => "refuse";
    const again = await second.resumeRun(run.id, "resumed");
    await again.logMetrics(points(3, 5));
    proxy.fault = () => "pass";
    await again.finish("FINISHED");
    await expect(second.resumeRun("0".repeat(32), "lost")).rejects.toThrow(
      /has no journal in .*cannot be resumed/,
    );
    await second.close();
    const [remote, ...others] = await remoteRuns();
    expect(others).toEqual([]);
    expect(remote!.info.status).toBe("FINISHED");
    expect(remote!.tags).not.toHaveProperty(["dualtail.reason"]);
    expect(await history(remote!.info.runId)).toEqual(points(0, 5));
  });

  it("leaves a run deleted that someone deleted, and goes on with the others", async () => {
    const tracker = await open();
    const run = await tracker.startRun({ name: "deleted" });
    await expect.poll(() => run.url).toBeDefined();
    await client.runs.delete((await remoteRuns())[0]!.info.runId);
    await run.logMetrics(points(0, 5));
    await expect.poll(() => warnings).toEqual([expect.stringMatching(/was deleted on MLflow/)]);
    const other = await tracker.startRun({ name: "other" });
    await other.finish("FINISHED");
    await run.finish("FINISHED");
    await tracker.close();
    expect(warnings.length).toBe(1);
    expect((await remoteRuns()).map(({ info }) => [info.runName, info.lifecycleStage]).sort()).toEqual([
      ["deleted", "deleted"],
      ["other", "active"],
    ]);
  });

  it("does not upload a file that is no longer what was logged", async () => {
    proxy.fault = () => "refuse";
    const tracker = await open();
    const run = await tracker.startRun({ name: "spoilt" });
    await run.logArtifact("good.txt", "good");
    await run.logArtifact("bad.txt", "as logged");
    await mkdir(join(root, run.id, "artifacts"), { recursive: true });
    await writeFile(join(root, run.id, "artifacts", "bad.txt"), "spoilt");
    proxy.fault = () => "pass";
    await run.finish("FINISHED");
    await tracker.close();
    expect(warnings.at(-1)).toMatch(/bad\.txt is not what was logged: its checksum differs/);
    const files = await client.artifacts.list((await remoteRuns())[0]!.info.runId);
    expect(files.map(({ path }) => path)).toEqual(["good.txt"]);
  });
});
