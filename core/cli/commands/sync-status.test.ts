import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { dualtail } from "../../../test/support/cli.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { openDiskTracker, type RunState, readRunStates, syncToMlflow } from "../../tracking/index.ts";
import { tokenOf } from "../../tracking/process-identity.ts";

beforeAll(() => mlflowUri(), SERVER_START);

let root: string;
let ids: Record<"good" | "broken" | "there", string>;
/** Three runs that have ended; the third has not, and its locks are another machine's. */
beforeEach(async () => {
  root = await temporaryFolder();
  const tracker = await openDiskTracker({ root, experiment: uniqueName("sync-status") });
  const started = async (name: string) => {
    const run = await tracker.startRun({ name });
    if (name !== "there") await run.finish("FINISHED");
    return run.id;
  };
  ids = { good: await started("good"), broken: await started("broken"), there: await started("there") };
  await tracker.close();
  await appendFile(join(root, ids.broken, "events.jsonl"), "no JSON\n");
  const foreign = tokenOf({ pid: 25, host: "node-a", boot: "another" });
  for (const name of ["writer.lock", "delivery.lock"]) await writeFile(join(root, ids.there, name), foreign);
});

it("sync uploads what it can, says what it cannot and whose the rest is, and ends with 1", async () => {
  const uri = await mlflowUri();
  const env = { MLFLOW_TRACKING_URI: uri };
  const { code, stdout, errors } = await dualtail(["sync", root], root, env);
  expect(code).toBe(1);
  expect(stdout).toContain(
    "1 runs uploaded, 0 were there already, 1 being delivered by the process that writes them, 1 failed",
  );
  const warnings = errors.filter((line) => line.startsWith("warning: "));
  const locks = ["delivery.lock", "writer.lock"].map((name) => join(root, ids.there, name)).join(" ");
  expect(warnings).toEqual([
    expect.stringContaining(`process 25 on node-a is at some of these runs`),
    expect.stringMatching(/^warning: broken \(.*\) is not uploaded: .*line 3 is not JSON/),
  ]);
  expect(warnings[0]).toContain(`if that machine is gone, remove ${locks} and repeat this`);
});

it("status shows what it can read, on which machine and server it is, and ends with 1", async () => {
  const client = await mlflowClient();
  await syncToMlflow({ root, client });
  const other = "http://name:secret@127.0.0.1:1/";
  const { code, stdout, errors } = await dualtail(["status", root], root, { MLFLOW_TRACKING_URI: other });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^good +FINISHED +2 +2 +0 +0$/m);
  expect(stdout).toMatch(/^there +RUNNING on node-a +1 +0 +0 +0$/m);
  expect(stdout).toContain(
    `1 of these runs was delivered to ${client.baseUrl}, not to http://127.0.0.1:1; also there: npx dualtail sync ${root}`,
  );
  expect(errors).toEqual([expect.stringMatching(/^warning: .*events\.jsonl: line 3 is not JSON/)]);

  const json = await dualtail(["status", root, "--json"], root);
  expect(json.code).toBe(1);
  const states = JSON.parse(json.stdout) as RunState[];
  expect(states).toEqual(await readRunStates(root, () => undefined));
  expect(states.map(({ name, server, elsewhere }) => [name, server, elsewhere])).toEqual([
    ["good", client.baseUrl, undefined],
    ["there", undefined, "node-a"],
  ]);
});

it("status says nothing of servers where it is the one that is named, or none is", async () => {
  const client = await mlflowClient();
  const folder = join(root, "alone");
  await mkdir(folder);
  const tracker = await openDiskTracker({ root: folder, experiment: uniqueName("sync-status") });
  await (await tracker.startRun({ name: "good" })).finish("FINISHED");
  await tracker.close();
  await syncToMlflow({ root: folder, client });
  for (const env of [{}, { MLFLOW_TRACKING_URI: `${client.baseUrl}/` }]) {
    const { code, stdout, stderr } = await dualtail(["status", folder], root, env);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).not.toContain("delivered to");
  }
});
