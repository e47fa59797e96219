import { randomUUID } from "node:crypto";
import { appendFile, mkdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { createMlflowClient, type MlflowClient } from "../mlflow-js-client/index.ts";
import { openDurableTracker, openMlflowTracker } from "./index.ts";

let client: MlflowClient;
let uri: string;
let experiment: string;
let experimentId: string;
beforeAll(async () => {
  uri = await mlflowUri();
  client = await mlflowClient();
  experiment = uniqueName("adopted");
  experimentId = await client.experiments.create(experiment);
}, SERVER_START);
afterAll(() => client.experiments.delete(experimentId));

/** A run that waits for whoever finds it. */
async function scheduled() {
  const id = randomUUID().replaceAll("-", "");
  const tags = { "dualtail.run_id": id, theirs: "kept", both: "theirs" };
  const { info } = await client.runs.create({ experimentId, runName: "asked", tags });
  await client.runs.update(info.runId, { status: "SCHEDULED" });
  return { id, runId: info.runId };
}

/** A run by someone who would have the results of the one with this id, or that one gone. */
const forge = (id: string) =>
  client.runs.create({
    experimentId,
    runName: "forged",
    tags: { "dualtail.run_id": id, "dualtail.synced_bytes": "5" },
  });

const durable = (root: string) =>
  openDurableTracker({
    connect: (options) => createMlflowClient({ trackingUri: uri, ...options }),
    experiment,
    root,
  });

describe("a run that someone else made", () => {
  it("is not mistaken for another's with the same tags, nor is that one's deleted", async () => {
    const root = await temporaryFolder();
    const { id, runId } = await scheduled();
    const forged = await forge(id);
    const tracker = await durable(root);
    const run = await tracker.startRun({ name: "mine", id, serverId: runId });
    await run.finish("FINISHED");
    await tracker.close();
    expect((await client.runs.get(runId)).info).toMatchObject({
      status: "FINISHED",
      lifecycleStage: "active",
    });
    expect((await client.runs.get(forged.info.runId)).info).toMatchObject({ status: "RUNNING" });
  });

  it("is gone on with, also when the process that took it ended at once", async () => {
    const root = await temporaryFolder();
    const { id, runId } = await scheduled();
    const first = await durable(root);
    await first.startRun({ name: "mine", id, tags: { both: "ours" } });
    // As after a crash: the journal ends in a torn line.
    await first.close();
    await appendFile(join(root, id, "events.jsonl"), '{"type":"ta');

    const second = await durable(root);
    const run = await second.startRun({ name: "mine", id, tags: { both: "ours again" } });
    const child = await second.startRun({ name: "child", parent: run });
    await child.finish("FINISHED");
    await run.logParams({ p: 1 });
    await run.finish("FINISHED");
    await second.close();
    const { info, tags, params } = await client.runs.get(runId);
    expect([info.status, info.runName, params.p]).toEqual(["FINISHED", "asked", "1"]);
    expect(tags).toMatchObject({ theirs: "kept", both: "ours again" });
    const { items } = await client.runs.search({
      experimentIds: [experimentId],
      filter: `tags.\`mlflow.parentRunId\` = '${runId}'`,
    });
    expect(items.map((one) => one.info.runName)).toEqual(["child"]);
  });

  it("runs as soon as it is taken, also where its journal was made but not begun", async () => {
    const root = await temporaryFolder();
    const { id, runId } = await scheduled();
    await mkdir(join(root, id), { recursive: true });
    await appendFile(join(root, id, "events.jsonl"), "");
    await truncate(join(root, id, "events.jsonl"), 0);
    const tracker = await durable(root);
    await tracker.startRun({ name: "mine", id });
    const status = async () => (await client.runs.get(runId)).info.status;
    await expect.poll(status, { timeout: 20_000 }).toBe("RUNNING");
    await tracker.close();
  });

  it("is refused under the id of a run of our own, and under one that is none", async () => {
    const root = await temporaryFolder();
    const tracker = await durable(root);
    const own = await tracker.startRun({ name: "own" });
    await own.finish("FINISHED");
    await expect(tracker.startRun({ name: "mine", id: own.id })).rejects.toThrow(/is that of another run/);
    await expect(tracker.startRun({ name: "mine", id: "../../x" })).rejects.toThrow(/no id of a run/);
    await tracker.close();
  });

  it("is gone on with by the tracker without journals too", async () => {
    const { id, runId } = await scheduled();
    await forge(id);
    const tracker = await openMlflowTracker({ client, experiment });
    const run = await tracker.startRun({ name: "mine", id, serverId: runId, tags: { both: "ours" } });
    expect(run.id).toBe(runId);
    expect((await client.runs.get(runId)).info.status).toBe("RUNNING");
    await run.finish("FINISHED");
    await tracker.close();
    expect((await client.runs.get(runId)).tags).toMatchObject({ theirs: "kept", both: "ours" });
  });
});
