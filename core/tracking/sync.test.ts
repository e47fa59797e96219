import { spawnSync } from "node:child_process";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { createMlflowClient, type MlflowClient } from "../mlflow-js-client/index.ts";
import { openDiskTracker } from "./disk-tracker.ts";
import { syncToMlflow } from "./sync.ts";
import type { MetricPoint } from "./tracker.ts";

let client: MlflowClient;
let root: string;
let experiment: string;
beforeAll(async () => {
  client = await mlflowClient();
}, SERVER_START);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "dualtail-disk-"));
  experiment = uniqueName("sync");
});
afterEach(() => rm(root, { recursive: true, force: true }));

const points = (from: number, to: number): MetricPoint[] =>
  Array.from({ length: to - from }, (_, i) => ({
    key: "loss",
    value: (from + i) / 4,
    step: from + i,
    timestamp: 1e12 + from + i,
  }));

/** A comparison with two cells, as it would be tracked without a server. */
async function comparison() {
  const tracker = await openDiskTracker({ root, experiment });
  const parent = await tracker.startRun({ name: "vergleich ✓", tags: { "mlflow.source.git.commit": "abc" } });
  await parent.logParams({ dataset: "icons-lt", epochs: 3 });
  for (const name of ["ce", "la"]) {
    const cell = await tracker.startRun({ name, parent });
    await cell.logParams({ loss: name, note: "ä".repeat(6500) });
    await cell.logInputs([{ name: "icons-lt", digest: "d1", source: "icons", context: "training" }]);
    for (let step = 0; step < 1500; step += 10) await cell.logMetrics(points(step, step + 10));
    await cell.logMetrics([{ key: "odd", value: NaN, step: 0, timestamp: 1 }]);
    await cell.logArtifact("tables/klassen.csv", "größe,1\n");
    await cell.logArtifact("raw.bin", new Uint8Array([0, 1, 254, 255]));
    await cell.finish(name === "ce" ? "FINISHED" : "FAILED", name === "ce" ? undefined : "NaN loss");
  }
  await parent.finish("FINISHED");
  await tracker.close();
}

async function remoteRuns(viewType: "ALL" | "ACTIVE_ONLY" = "ALL") {
  const known = await client.experiments.getByName(experiment);
  if (!known) return [];
  return (
    await client.runs.search({
      experimentIds: [known.experimentId],
      viewType,
      orderBy: ["attributes.start_time"],
    })
  ).items;
}

async function expectComplete() {
  const runs = await remoteRuns();
  expect(runs.map(({ info }) => [info.runName, info.status]).sort()).toEqual([
    ["ce", "FINISHED"],
    ["la", "FAILED"],
    ["vergleich ✓", "FINISHED"],
  ]);
  const parent = runs.find(({ info }) => info.runName === "vergleich ✓")!;
  expect(parent.params).toEqual({ dataset: "icons-lt", epochs: "3" });
  expect(parent.tags["mlflow.source.git.commit"]).toBe("abc");
  for (const cell of runs.filter((run) => run !== parent)) {
    expect(cell.tags["mlflow.parentRunId"]).toBe(parent.info.runId);
    expect(cell.params).toMatchObject({ loss: cell.info.runName, note: `${"ä".repeat(5999)}…` });
    expect(cell.datasets).toHaveLength(1);
    expect(await client.metrics.getHistory(cell.info.runId, "loss")).toEqual(points(0, 1500));
    expect((await client.metrics.getHistory(cell.info.runId, "odd")).map(({ value }) => value)).toEqual([
      NaN,
    ]);
    const csv = await client.artifacts.download(cell.info, "tables/klassen.csv");
    expect(new TextDecoder().decode(csv)).toBe("größe,1\n");
    expect(await client.artifacts.download(cell.info, "raw.bin")).toEqual(new Uint8Array([0, 1, 254, 255]));
  }
  expect(runs.find(({ info }) => info.runName === "la")!.tags["dualtail.reason"]).toBe("NaN loss");
  return runs;
}

describe("syncToMlflow", () => {
  it("uploads everything once, with its own times, and then nothing more", async () => {
    await comparison();
    const names: string[] = [];
    const first = await syncToMlflow({ root, client, onProgress: ({ run }) => names.push(run) });
    expect(first).toMatchObject({ uploaded: 3, unchanged: 0, deleted: 0 });
    expect(names).toEqual(["vergleich ✓", "ce", "la", ""]);
    const runs = await expectComplete();
    for (const { info, tags } of runs) {
      const journal = (await readFile(join(root, tags["dualtail.run_id"]!, "events.jsonl"), "utf8"))
        .trim()
        .split("\n");
      expect(info.startTime).toBe(JSON.parse(journal[0]!).time);
      expect(info.endTime).toBe(JSON.parse(journal.at(-1)!).time);
      const mark = JSON.parse(await readFile(join(root, tags["dualtail.run_id"]!, "synced.json"), "utf8"));
      expect(mark).toMatchObject({ uri: await mlflowUri(), runId: info.runId });
    }
    let writes = 0;
    const counting: typeof fetch = (input, init) => {
      if (!/\/(search|get|get-by-name)(\?|$)/.test(String(input))) writes += 1;
      return fetch(input, init);
    };
    const again = createMlflowClient({ trackingUri: await mlflowUri(), fetch: counting });
    expect(await syncToMlflow({ root, client: again })).toMatchObject({ uploaded: 0, unchanged: 3 });
    expect(writes).toBe(0);
  });

  it.each([1, 3, 8, 17, 27])(
    "goes on after a failure at request %i without doing anything twice",
    async (failAt) => {
      await comparison();
      let count = 0;
      // The request arrives and its answer is lost: the harder of the two ways to fail.
      const cut: typeof fetch = async (input, init) => {
        const answer = await fetch(input, init);
        count += 1;
        if (count >= failAt)
          throw new TypeError("fetch failed", {
            cause: Object.assign(new Error("cut"), { code: "ECONNRESET" }),
          });
        return answer;
      };
      const failing = createMlflowClient({ trackingUri: await mlflowUri(), fetch: cut, retries: 0 });
      await expect(syncToMlflow({ root, client: failing, retries: 0 })).rejects.toThrow(
        /the connection was cut/,
      );
      await syncToMlflow({ root, client });
      await expectComplete();
      expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 0, unchanged: 3 });
    },
  );

  it("uploads what a resumed run adds, after a crash cut its last line", async () => {
    const tracker = await openDiskTracker({ root, experiment });
    const run = await tracker.startRun({ name: "resumed" });
    await run.logMetrics(points(0, 3));
    await run.finish("KILLED", "interrupted");
    await syncToMlflow({ root, client });
    await appendFile(join(root, run.id, "events.jsonl"), '{"type":"metr');
    expect(await syncToMlflow({ root, client })).toMatchObject({ unchanged: 1 });
    const again = await tracker.resumeRun(run.id, "resumed");
    await again.logMetrics(points(3, 5));
    await syncToMlflow({ root, client });
    expect((await remoteRuns()).map(({ info }) => info.status)).toEqual(["RUNNING"]);
    await again.finish("FINISHED");
    await tracker.close();
    await syncToMlflow({ root, client });
    const [remote, ...others] = await remoteRuns();
    expect(others).toEqual([]);
    expect(remote!.info.status).toBe("FINISHED");
    expect(await client.metrics.getHistory(remote!.info.runId, "loss")).toEqual(points(0, 5));
  });

  it("marks a run KILLED whose process died, and leaves deleted runs deleted", async () => {
    const tracker = await openDiskTracker({ root, experiment });
    const run = await tracker.startRun({ name: "died" });
    await run.logMetrics(points(0, 3));
    await tracker.close();
    const file = join(root, run.id, "events.jsonl");
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    await writeFile(file, (await readFile(file, "utf8")).replace(`"pid":${process.pid}`, `"pid":${dead}`));
    await syncToMlflow({ root, client });
    const [remote] = await remoteRuns();
    expect(remote!.info.status).toBe("KILLED");
    expect(remote!.tags["dualtail.reason"]).toMatch(/without closing/);
    expect(await syncToMlflow({ root, client })).toMatchObject({ unchanged: 1 });
    await client.runs.delete(remote!.info.runId);
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 0, deleted: 1 });
    expect(await remoteRuns("ACTIVE_ONLY")).toEqual([]);
  });

  it("two uploads at once create nothing twice", async () => {
    await comparison();
    await Promise.all([syncToMlflow({ root, client }), syncToMlflow({ root, client })]);
    await expectComplete();
    expect((await readdir(root)).filter((name) => name.startsWith(".sync"))).toEqual([]);
  });

  it("names a broken journal and a missing folder", async () => {
    await comparison();
    const [id] = await readdir(root);
    await appendFile(join(root, id!, "events.jsonl"), "oops\n{}\n");
    await expect(syncToMlflow({ root, client })).rejects.toThrow(/events\.jsonl: line \d+ is not JSON/);
    await expect(syncToMlflow({ root: join(root, "nowhere"), client })).rejects.toThrow(
      /there is no folder .*nowhere/,
    );
  });
});

describe("openDiskTracker", () => {
  it("refuses paths outside of the run and runs that are not there", async () => {
    const tracker = await openDiskTracker({ root, experiment });
    const run = await tracker.startRun({ name: "r" });
    for (const path of ["../x", "/x", "a//b", ""])
      await expect(run.logArtifact(path, "x")).rejects.toThrow(/no artifact path/);
    await expect(run.logArtifactFile("a", join(root, "missing"))).rejects.toMatchObject({
      name: "FileError",
    });
    await expect(tracker.resumeRun("../x", "r")).rejects.toThrow(/cannot be resumed/);
    await expect(tracker.resumeRun("ab", "r")).rejects.toThrow(/cannot be resumed/);
    await tracker.close();
    expect((await readdir(join(root, run.id))).sort()).toEqual(["artifacts", "events.jsonl"]);
  });

  it("says when its folder cannot be used", async () => {
    await writeFile(join(root, "file"), "");
    const failure = openDiskTracker({ root: join(root, "file", "x"), experiment });
    await expect(failure).rejects.toThrow(/file\/x: cannot be written to \(ENOTDIR\)/);
  });
});
