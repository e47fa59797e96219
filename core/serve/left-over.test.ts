import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { mlflowClient, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import type { Reporter } from "../container/reporter.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { openDiskTracker, readRunStates } from "../tracking/index.ts";
import { runFolderName } from "./kept-request.ts";
import { deliverLeftOver } from "./left-over.ts";
import { openQueue } from "./queue.ts";

let client: MlflowClient;
beforeAll(async () => {
  client = await mlflowClient();
}, SERVER_START);

it("delivers what is left of each comparison that has ended, past one whose journal is broken", async () => {
  const folder = await temporaryFolder();
  const journals = join(folder, "journals");
  const outputDir = join(folder, "runs");
  const tracker = await openDiskTracker({ root: journals, experiment: uniqueName("left over") });
  const ended = async (name: string) => {
    const run = await tracker.startRun({ name });
    await run.finish("FINISHED");
    await mkdir(join(outputDir, runFolderName(run.id)), { recursive: true });
    return run.id;
  };
  const broken = await ended("broken");
  await ended("good");
  await tracker.close();
  await appendFile(join(journals, broken, "events.jsonl"), "no JSON\n");
  const warnings: string[] = [];
  const reporter = { warn: (line) => warnings.push(line) } as Partial<Reporter> as Reporter;
  const queue = await openQueue(join(folder, "queue.json"));
  await deliverLeftOver({ client, outputDir, queue, journals, reporter });
  const states = await readRunStates(journals, () => undefined);
  expect(states.map(({ name, events, delivered }) => [name, events - delivered])).toEqual([["good", 0]]);
  expect(warnings).toEqual([expect.stringMatching(/is not uploaded: .*line 3 is not JSON/)]);
});
