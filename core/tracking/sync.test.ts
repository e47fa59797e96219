import { appendFile, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { clientThrough } from "../../test/support/client-through.ts";
import { diskComparison, expectComparison, remoteRunsOf } from "../../test/support/disk-comparison.ts";
import { pointsOf as points } from "../../test/support/durable-tracking.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { createMlflowClient, type MlflowClient } from "../mlflow-js-client/index.ts";
import type * as LookUp from "./disk/look-up.ts";
import { forceToDisk } from "./disk/look-up.ts";
import { openDiskTracker } from "./disk-tracker.ts";
import { openDurableTracker } from "./durable-tracker.ts";
import { readRunStates } from "./run-states.ts";
import { syncToMlflow } from "./sync.ts";

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
  root = await temporaryFolder();
  experiment = uniqueName("sync");
});

const comparison = () => diskComparison(root, experiment);
const remoteRuns = (viewType?: "ACTIVE_ONLY") => remoteRunsOf(client, experiment, viewType);
const expectComplete = () => expectComparison(client, experiment);

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
