import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { durableTracking, pointsOf } from "../../../test/support/durable-tracking.ts";
import { mlflowUri, SERVER_START } from "../../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { createMlflowClient } from "../../mlflow-js-client/index.ts";
import { findDiskRuns } from "../disk/find-runs.ts";
import { readStart } from "../disk/look-up.ts";
import { openDiskTracker } from "../disk-tracker.ts";
import { createRunDelivery } from "./deliver-run.ts";
import { ensureRemoteRun, findRemoteRun } from "./remote-run.ts";

beforeAll(mlflowUri, SERVER_START);

/** The points of each log-batch that a client sends. */
function counting(trackingUri: string) {
  const sent: number[] = [];
  const client = createMlflowClient({
    trackingUri,
    retries: 0,
    fetch: (input, init) => {
      if (String(input).endsWith("log-batch"))
        sent.push((JSON.parse(String(init?.body)) as { metrics: unknown[] }).metrics.length);
      return fetch(input, init);
    },
  });
  return { client, sent };
}

describe("a run's delivery", () => {
  it("compares everything up to the server's position where the journal is shorter than it was", async () => {
    const { root, experiment, proxy } = await durableTracking();
    const tracker = await openDiskTracker({ root, experiment });
    const run = await tracker.startRun({ name: "restored" });
    await run.logMetrics(pointsOf(0, 900));
    await run.logMetrics(pointsOf(900, 1800));
    await run.logMetrics(pointsOf(1800, 2500));
    await tracker.close();
    const { client, sent } = counting(proxy.uri);
    const experimentId = await client.experiments.create(experiment);
    const [{ folder, start, size }] = (await findDiskRuns(root)) as [
      Awaited<ReturnType<typeof findDiskRuns>>[0],
    ];
    const made = await ensureRemoteRun(client, experimentId, start);
    await createRunDelivery({ client, folder, size, ...made }).deliver(size);
    expect(sent).toEqual([900, 900, 700]);
    // As if it had said more, which was lost.
    await client.runs.setTag(made.run.info.runId, "dualtail.synced_bytes", String(size + 1000));
    const found = await ensureRemoteRun(client, experimentId, start);
    await createRunDelivery({ client, folder, size, ...found }).deliver(size);
    expect(sent.slice(3)).toEqual([0, 0, 0]);
    const shown = await client.metrics.getHistory(made.run.info.runId, "loss");
    expect(shown).toEqual(pointsOf(0, 2500));
  });

  it("waits for the record of a model whose files are being replaced", async () => {
    const { root, experiment, client } = await durableTracking();
    const files = await temporaryFolder();
    const tracker = await openDiskTracker({ root, experiment });
    const run = await tracker.startRun({ name: "cell" });
    const model = async (version: string) => {
      await writeFile(join(files, "MLmodel"), `flavors: {}\nmodel_uuid: ${version}\n`);
      await writeFile(join(files, "model.onnx"), version);
      const named = ["MLmodel", "model.onnx"].map((path) => ({ path, file: join(files, path) }));
      await run.logModel({ name: "model", files: named, summary: {} });
    };
    await model("one");
    const folder = join(root, run.id);
    // The writer is about to log it again: a file is in place, its event not.
    await writeFile(join(folder, "artifacts", "model", "MLmodel"), "flavors: {}\nmodel_uuid: two\n");
    const experimentId = await client.experiments.create(experiment);
    const made = await ensureRemoteRun(client, experimentId, await readStart(folder));
    const refused: string[] = [];
    const onRefusal = (_: string, reason: string) => void refused.push(reason);
    const size = (await findDiskRuns(root))[0]!.size;
    const delivery = createRunDelivery({ client, folder, size, ...made, onRefusal });
    const delivering = delivery.deliver(size);
    await sleep(1200);
    await model("two");
    await delivering;
    await delivery.deliver((await findDiskRuns(root))[0]!.size);
    await tracker.close();
    expect(refused).toEqual([]);
    const { items } = await client.loggedModels.search({ experimentIds: [experimentId] });
    expect(items.map(({ name, status }) => [name, status])).toEqual([["model", "READY"]]);
  });

  it("says at once that a file is not what was logged where nobody writes the run", async () => {
    const { root, experiment, client } = await durableTracking();
    const tracker = await openDiskTracker({ root, experiment });
    const run = await tracker.startRun({ name: "spoilt" });
    await run.logArtifact("a.txt", "as logged");
    await run.finish("FINISHED");
    await tracker.close();
    const folder = join(root, run.id);
    await mkdir(join(folder, "artifacts"), { recursive: true });
    await writeFile(join(folder, "artifacts", "a.txt"), "spoilt");
    const experimentId = await client.experiments.create(experiment);
    const made = await ensureRemoteRun(client, experimentId, await readStart(folder));
    const { size } = (await findDiskRuns(root))[0]!;
    const refused: string[] = [];
    const onRefusal = (_: string, reason: string) => void refused.push(reason);
    const started = Date.now();
    await createRunDelivery({ client, folder, size, ...made, onRefusal }).deliver(size);
    expect(Date.now() - started).toBeLessThan(3000);
    expect(refused).toEqual([expect.stringMatching(/a\.txt is not what was logged/)]);
  });
});

describe("a run that a late answer made twice", () => {
  /** Its first creation comes to the server late, the second a little later: both are made. */
  async function twice(at: Awaited<ReturnType<typeof durableTracking>>, late: readonly [number, number]) {
    let creations = 0;
    at.proxy.fault = ({ path }) => {
      if (!path.endsWith("runs/create")) return "pass";
      return { delayMs: late[creations++] ?? 0 };
    };
    const tracker = await at.open({ timing: { request: 700 } });
    const run = await tracker.startRun({ name: "late" });
    await run.logMetrics(pointsOf(0, 5));
    await expect.poll(() => run.url, { timeout: 20_000 }).toBeDefined();
    return { tracker, run, creations: () => creations };
  }
  const active = async (at: Awaited<ReturnType<typeof durableTracking>>) =>
    (await at.remoteRuns()).filter(({ info }) => info.lifecycleStage === "active");

  it("is there once: the empty one is deleted as soon as the other has data", async () => {
    const at = await durableTracking();
    const { tracker, run, creations } = await twice(at, [1000, 500]);
    await expect
      .poll(async () => (await at.remoteRuns()).map(({ info }) => info.lifecycleStage).sort(), {
        timeout: 10_000,
      })
      .toEqual(["active", "deleted"]);
    await run.finish("FINISHED");
    await tracker.close();
    expect(creations()).toBe(2);
    const [left] = await active(at);
    expect(left!.info.status).toBe("FINISHED");
    expect(await at.history(left!.info.runId)).toEqual(pointsOf(0, 5));
  });

  it("is there once at its end, where the first creation came later still", async () => {
    const at = await durableTracking();
    const { tracker, run } = await twice(at, [2500, 0]);
    await expect.poll(async () => (await active(at)).length, { timeout: 10_000 }).toBe(2);
    await run.finish("FINISHED");
    await tracker.close();
    const left = await active(at);
    expect(left.map(({ info }) => info.status)).toEqual(["FINISHED"]);
    expect(await at.history(left[0]!.info.runId)).toEqual(pointsOf(0, 5));
  });

  it("is left alone by who only looks for it", async () => {
    const { client, experiment } = await durableTracking();
    const experimentId = await client.experiments.create(experiment);
    const tags = { "dualtail.run_id": "0123456789abcdef0123456789abcdef" };
    for (const runName of ["one", "two"]) await client.runs.create({ experimentId, runName, tags });
    expect(await findRemoteRun(client, experimentId, { id: tags["dualtail.run_id"] })).toBeDefined();
    const { items } = await client.runs.search({ experimentIds: [experimentId] });
    expect(items).toHaveLength(2);
  });
});
