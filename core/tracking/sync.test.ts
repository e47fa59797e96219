import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { createMlflowClient, type MlflowClient } from "../mlflow-js-client/index.ts";
import type * as LookUp from "./disk/look-up.ts";
import { forceToDisk } from "./disk/look-up.ts";
import { openDiskTracker } from "./disk-tracker.ts";
import { openDurableTracker } from "./durable-tracker.ts";
import { tokenOf } from "./process-identity.ts";
import { readRunStates } from "./run-states.ts";
import { type SyncFailure, syncToMlflow } from "./sync.ts";
import type { MetricPoint } from "./tracker.ts";

vi.mock("./disk/look-up.ts", async (original) => {
  const actual = await original<typeof LookUp>();
  return { ...actual, forceToDisk: vi.fn(actual.forceToDisk) };
});

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

/** A client whose requests pass a function, which may make them or not. */
const clientThrough = async (
  pass: (url: string, go: () => Promise<Response>, body: string) => Promise<Response>,
): Promise<MlflowClient> =>
  createMlflowClient({
    trackingUri: await mlflowUri(),
    retries: 0,
    fetch: (input, init) => pass(String(input), () => fetch(input, init), String(init?.body)),
  });

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
    // Its pid is that of a living process, this one: the lock says that it is another.
    await syncToMlflow({ root, client });
    const [remote] = await remoteRuns();
    expect(remote!.info.status).toBe("KILLED");
    expect(remote!.tags["dualtail.reason"]).toMatch(/without closing/);
    expect(await syncToMlflow({ root, client })).toMatchObject({ unchanged: 1 });
    await client.runs.delete(remote!.info.runId);
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 0, deleted: 1 });
    expect(await remoteRuns("ACTIVE_ONLY")).toEqual([]);
    expect(await readRunStates(root)).toMatchObject([{ deleted: true }]);
  });

  it("two uploads at once create nothing twice", async () => {
    await comparison();
    await Promise.all([syncToMlflow({ root, client }), syncToMlflow({ root, client })]);
    await expectComplete();
    expect((await readdir(root)).filter((name) => name.startsWith(".sync"))).toEqual([]);
  });

  it("names a missing folder", async () => {
    await expect(syncToMlflow({ root: join(root, "nowhere"), client })).rejects.toThrow(
      /there is no folder .*nowhere/,
    );
  });

  it("notes how far the server is where an earlier delivery ended before it could", async () => {
    await comparison();
    await syncToMlflow({ root, client });
    const whole = await readRunStates(root);
    expect(whole.map(({ events, delivered }) => events - delivered)).toEqual([0, 0, 0]);
    for (const { folder } of whole) await rm(join(folder, "synced.json"));
    expect((await readRunStates(root)).map(({ delivered }) => delivered)).toEqual([0, 0, 0]);
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 0, unchanged: 3 });
    expect(await readRunStates(root)).toEqual(whole);
  });

  it("forces to disk what it sends before it does", async () => {
    await comparison();
    const steps: string[] = [];
    vi.mocked(forceToDisk).mockImplementation(async (folder, size) => {
      steps.push("forced");
      return (await vi.importActual<typeof LookUp>("./disk/look-up.ts")).forceToDisk(folder, size);
    });
    const watching = await clientThrough(async (url, go) => {
      if (/log-batch|mlflow-artifacts|update$/.test(url) && steps.at(-1) !== "sent") steps.push("sent");
      return go();
    });
    await syncToMlflow({ root, client: watching });
    expect(steps).toEqual(["forced", "sent", "forced", "sent", "forced", "sent"]);
    await syncToMlflow({ root, client: watching });
    expect(steps.length).toBe(6);
  });

  it("looks again at a run that went on and ended since it was found", async () => {
    const tracker = await openDiskTracker({ root, experiment });
    const first = await tracker.startRun({ name: "first" });
    await first.logMetrics(points(0, 3));
    await first.finish("FINISHED");
    const died = await tracker.startRun({ name: "died" });
    await died.logMetrics(points(0, 3));
    await tracker.close();
    let goneOn: Promise<void> | undefined;
    const goOn = async () => {
      const connect = async () => createMlflowClient({ trackingUri: await mlflowUri() });
      const known = await connect();
      const other = await openDurableTracker({ connect: () => known, experiment, root });
      const again = await other.resumeRun(died.id, "died");
      await again.logMetrics(points(3, 6));
      await again.finish("FINISHED");
      await other.close();
    };
    const slow = await clientThrough(async (url, go) => {
      if (url.endsWith("log-batch")) {
        goneOn ??= goOn();
        await goneOn;
      }
      return go();
    });
    expect(await syncToMlflow({ root, client: slow })).toMatchObject({ uploaded: 1, unchanged: 1 });
    const remote = (await remoteRuns()).find(({ info }) => info.runName === "died")!;
    expect(remote.info.status).toBe("FINISHED");
    expect(remote.tags).not.toHaveProperty(["dualtail.reason"]);
    expect(await client.metrics.getHistory(remote.info.runId, "loss")).toEqual(points(0, 6));
  });
});

describe("runs of other machines on a shared disk", () => {
  const foreign = tokenOf({ pid: process.pid, host: "node-a", boot: "another" });

  it("are neither delivered nor ended, until somebody says that the machine is gone", async () => {
    const tracker = await openDiskTracker({ root, experiment });
    const run = await tracker.startRun({ name: "there" });
    await run.logMetrics(points(0, 3));
    await tracker.close();
    const [delivery, writer] = ["delivery.lock", "writer.lock"].map((name) => join(root, run.id, name));
    for (const file of [delivery!, writer!]) await writeFile(file, foreign);
    const holder = { pid: process.pid, elsewhere: "node-a" };

    const left = { active: 1, elsewhere: [delivery, writer].map((file) => ({ ...holder, file })) };
    expect(await syncToMlflow({ root, client })).toMatchObject(left);
    expect(await remoteRuns()).toEqual([]);
    expect(await readRunStates(root)).toMatchObject([{ state: "RUNNING", elsewhere: "node-a" }]);

    await rm(delivery!);
    const sent = { uploaded: 1, active: 0, elsewhere: [{ ...holder, file: writer }] };
    expect(await syncToMlflow({ root, client })).toMatchObject(sent);
    expect((await remoteRuns()).map(({ info }) => info.status)).toEqual(["RUNNING"]);
    await expect(tracker.resumeRun(run.id, "there")).rejects.toMatchObject({
      message: expect.stringContaining(`is being written by process ${process.pid} on node-a`),
      hint: expect.stringContaining(`if that machine is gone, remove ${writer}`),
    });

    await rm(writer!);
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 1, elsewhere: [] });
    expect((await remoteRuns()).map(({ info }) => info.status)).toEqual(["KILLED"]);
  });
});

describe("what fails", () => {
  it("for one run does not keep the others back", async () => {
    await comparison();
    const [parent, ce, la] = await readRunStates(root);
    await appendFile(join(ce!.folder, "events.jsonl"), "oops\n{}\n");
    await mkdir(join(root, "torn"));
    await writeFile(join(root, "torn", "events.jsonl"), '{"type":"finish"}\n');
    const tracker = await openDiskTracker({ root, experiment });
    await (await tracker.startRun({ name: "last" })).finish("FINISHED");
    await tracker.close();
    const failures: SyncFailure[] = [];
    const onFailure = (failure: SyncFailure) => failures.push(failure);
    let poisoned = "";
    const failing = await clientThrough(async (url, go, body) => {
      if (url.endsWith("runs/create") && body.includes('"la"')) {
        const answer = await go();
        poisoned = ((await answer.clone().json()) as { run: { info: { run_id: string } } }).run.info.run_id;
        return answer;
      }
      return url.endsWith("log-batch") && body.includes(poisoned || "no run")
        ? new Response("out of order", { status: 500 })
        : go();
    });
    const result = await syncToMlflow({ root, client: failing, retries: 0, onFailure });
    expect(result).toMatchObject({ uploaded: 2, failed: 3 });
    expect(failures.map(({ run, folder }) => [run, folder])).toEqual([
      [undefined, join(root, "torn")],
      ["ce", ce!.folder],
      ["la", la!.folder],
    ]);
    expect(failures.map(({ error }) => String(error))).toEqual([
      expect.stringMatching(/torn\/events\.jsonl: does not begin with the start of a run/),
      expect.stringMatching(/events\.jsonl: line \d+ is not JSON/),
      expect.stringMatching(/log-batch.*500/),
    ]);
    const finished = (await remoteRuns()).filter(({ info }) => info.status === "FINISHED");
    expect(finished.map(({ info }) => info.runName)).toEqual(["vergleich ✓", "last"]);

    const problems: Error[] = [];
    const states = await readRunStates(root, (problem) => problems.push(problem));
    expect(states.map(({ id }) => id)).toEqual([parent!.id, la!.id, expect.any(String)]);
    expect(problems.length).toBe(2);
    await expect(readRunStates(root)).rejects.toThrow(/does not begin/);
    // Without the broken ones all is well again.
    for (const folder of [ce!.folder, join(root, "torn")]) await rm(folder, { recursive: true });
    expect(await syncToMlflow({ root, client })).toMatchObject({ uploaded: 1, unchanged: 2, failed: 0 });
  });

  it.each([
    [401, 1],
    [503, 1],
    [500, 3],
  ])("for whatever is asked of the server ends it (%i)", async (status, runs) => {
    await comparison();
    const tracker = await openDiskTracker({ root, experiment });
    await (await tracker.startRun({ name: "last" })).finish("FINISHED");
    await tracker.close();
    const names: string[] = [];
    const down = await clientThrough(async () => new Response("no", { status }));
    const onProgress = ({ run }: { readonly run: string }) => names.push(run);
    await expect(syncToMlflow({ root, client: down, retries: 0, onProgress })).rejects.toThrow(
      new RegExp(String(status)),
    );
    expect(names.length).toBe(runs);
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
