import { appendFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clientThrough } from "../../test/support/client-through.ts";
import { diskComparison, remoteRunsOf } from "../../test/support/disk-comparison.ts";
import { mlflowClient, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { openDiskTracker } from "./disk-tracker.ts";
import { readRunStates } from "./run-states.ts";
import { type SyncFailure, syncToMlflow } from "./sync.ts";

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
const remoteRuns = () => remoteRunsOf(client, experiment);

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
