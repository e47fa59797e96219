import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { remoteRunsOf } from "../../test/support/disk-comparison.ts";
import { pointsOf as points } from "../../test/support/durable-tracking.ts";
import { mlflowClient, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { openDiskTracker } from "./disk-tracker.ts";
import { tokenOf } from "./process-identity.ts";
import { readRunStates } from "./run-states.ts";
import { syncToMlflow } from "./sync.ts";

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

const remoteRuns = () => remoteRunsOf(client, experiment);

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
