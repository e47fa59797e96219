import { beforeAll, describe, expect, it } from "vitest";
import { mlflowClient, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import type { MlflowClient, Run } from "../mlflow-js-client/index.ts";
import { completeHalfMade, newRequests, runsWithAction, runsWithLaunch } from "./watch.ts";

let client: MlflowClient;
let experimentId: string;
/** Requests, oldest first. */
const asked: string[] = [];

const make = async (startTime: number, status: "SCHEDULED" | "FAILED" | "RUNNING", tags: object) => {
  const own = { "dualtail.watch": "1", ...tags };
  const { info } = await client.runs.create({ experimentId, runName: "r", startTime, tags: own });
  await client.runs.update(info.runId, { status });
  return info.runId;
};

beforeAll(async () => {
  client = await mlflowClient();
  experimentId = await client.experiments.create(uniqueName("watch"));
  for (let i = 0; i < 6; i++) asked.push(await make(1000 + i, "SCHEDULED", { "dualtail.kind": "request" }));
}, SERVER_START);

describe("a look at MLflow", () => {
  it("passes over the requests that wait, to the oldest of the new ones", async () => {
    const isKnown = ({ info }: Run) => info.runId === asked[0];
    for (const runId of asked.slice(1, 3))
      await client.runs.logBatch(runId, { tags: { "dualtail.kind": "comparison" } });
    const found = await newRequests(client, [experimentId], { most: 2, isKnown });
    expect(found.map(({ info }) => info.runId)).toEqual(asked.slice(3, 5));
    const waiting = await newRequests(client, [experimentId], { most: 9, isKnown, kind: "comparison" });
    expect(waiting.map(({ info }) => info.runId)).toEqual(asked.slice(1, 3));
  });

  it("completes a request whose maker ended before it was SCHEDULED", async () => {
    const kind = { "dualtail.kind": "request" };
    const old = await make(7, "RUNNING", kind);
    const [young, answered] = [
      await make(Date.now(), "RUNNING", kind),
      await make(8, "RUNNING", { ...kind, "dualtail.state": "running" }),
    ];
    await completeHalfMade(client, [experimentId]);
    const status = async (runId: string) => (await client.runs.get(runId)).info.status;
    expect(await Promise.all([old, young, answered].map(status))).toEqual([
      "SCHEDULED",
      "RUNNING",
      "RUNNING",
    ]);
  });

  it("sees an action on whatever run, however many wait, and nothing else", async () => {
    const old = await make(1, "FAILED", { "dualtail.action": "rerun" });
    const running = await make(2, "RUNNING", { "dualtail.action": "stop" });
    await make(3, "RUNNING", { "dualtail.action": "stop", "dualtail.watch": "0" });
    const found = await runsWithAction(client, [experimentId]);
    expect(found.map(({ info }) => info.runId)).toEqual([running, old]);
  });

  it("sees a launch, of more than one line too", async () => {
    const pad = await make(4, "RUNNING", {
      "dualtail.kind": "launchpad",
      "dualtail.launch": "dataset: a\nlosses: [ce]\n",
    });
    const quiet = await make(5, "RUNNING", { "dualtail.kind": "launchpad" });
    // Nobody's launchpad, whatever it says.
    await make(6, "RUNNING", { "dualtail.kind": "launchpad", "dualtail.launch": "mine" });
    const found = await runsWithLaunch(client, [experimentId], [quiet, pad]);
    expect(found.map(({ info }) => info.runId)).toEqual([pad]);
  });
});
