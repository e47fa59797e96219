import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { startFaultyProxy } from "../../test/support/faulty-proxy.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { createMlflowClient, type MlflowClient } from "../mlflow-js-client/index.ts";
import { openDurableTracker } from "./durable-tracker.ts";
import { readRunStates } from "./run-states.ts";

let client: MlflowClient;
beforeAll(async () => {
  client = await mlflowClient();
}, SERVER_START);

async function runNames(experiment: string): Promise<string[]> {
  const { experimentId } = (await client.experiments.getByName(experiment))!;
  const { items } = await client.runs.search({ experimentIds: [experimentId] });
  return items.map(({ info }) => info.runName).sort();
}

it("a comparison that goes on with another server brings its finished rows there, past a broken journal", async () => {
  const root = await temporaryFolder();
  const warnings: string[] = [];
  const open = (trackingUri: string, experiment: string) =>
    openDurableTracker({
      connect: (options) => createMlflowClient({ trackingUri, ...options }),
      experiment,
      root,
      warn: (line) => warnings.push(line),
    });
  const first = await open(await mlflowUri(), uniqueName("first server"));
  const parent = await first.startRun({ name: "comparison" });
  const row = await first.startRun({ name: "finished row", parent });
  await row.logMetrics([{ key: "loss", value: 1, step: 0, timestamp: 1 }]);
  await row.finish("FINISHED");
  await parent.finish("KILLED");
  await first.close();
  expect(warnings).toEqual([]);
  const delivered = await readRunStates(root);
  expect(delivered.map(({ events, server }) => [events > 0, server])).toEqual(
    delivered.map(() => [true, client.baseUrl]),
  );

  // The same server at another address, with another experiment, has none of these runs.
  const proxy = await startFaultyProxy(await mlflowUri());
  onTestFinished(() => proxy.close());
  await mkdir(join(root, "broken"));
  await writeFile(join(root, "broken", "events.jsonl"), "no JSON\n");
  const experiment = uniqueName("second server");
  const second = await open(proxy.uri, experiment);
  await (await second.resumeRun(parent.id, "comparison")).finish("FINISHED");
  await second.close();
  expect(await runNames(experiment)).toEqual(["comparison", "finished row"]);
  expect(warnings).toEqual([expect.stringMatching(/broken\/events\.jsonl: line 1 is not JSON/)]);
  const there = await readRunStates(root, () => undefined);
  expect(there.map(({ server }) => server)).toEqual([proxy.uri, proxy.uri]);
});
