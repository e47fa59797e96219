import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { dualtail } from "../../test/support/cli.ts";
import { type FaultyProxy, startFaultyProxy } from "../../test/support/faulty-proxy.ts";
import { mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { resolveTracking } from "./open-tracker.ts";
import { type RunState, readRunStates } from "./run-states.ts";

let proxy: FaultyProxy;
let home: string;
let warnings: string[];
beforeAll(() => mlflowUri(), SERVER_START);
beforeEach(async () => {
  proxy = await startFaultyProxy(await mlflowUri());
  home = await temporaryFolder();
  warnings = [];
});
afterEach(() => proxy.close());

const resolved = (absent?: "fail" | "continue") =>
  resolveTracking(
    { MLFLOW_TRACKING_URI: proxy.uri },
    { home, warn: (line) => warnings.push(line), ...(absent ? { absent } : {}) },
  );

it("stops at the start where nobody answers or credentials are refused, unless told to go on", async () => {
  proxy.fault = () => "refuse";
  await expect(resolved()).rejects.toThrow(/cannot be reached/);
  await resolved("continue");
  expect(warnings).toEqual([
    expect.stringMatching(
      /127\.0\.0\.1.* cannot be reached.*runs are kept in .*tried again.*npx dualtail sync \S+runs$/,
    ),
  ]);
  proxy.fault = () => 401;
  await expect(resolved("continue")).rejects.toThrow(/credentials/);
});

it("goes on where the server is there and unwell; status shows what is left, as text and as JSON", async () => {
  proxy.fault = () => 503;
  const tracking = await resolved();
  expect(warnings).toEqual([expect.stringMatching(/503.*runs are kept in/)]);
  const tracker = await tracking.openTracker(uniqueName("unwell"));
  const run = await tracker.startRun({ name: "first" });
  await run.logMetrics([{ key: "loss", value: 1, step: 0, timestamp: 1 }]);
  await run.logArtifact("a.txt", "a");
  const root = join(home, "runs");
  const status = async (...flags: string[]) => {
    const { code, stdout, stderr } = await dualtail(["status", root, ...flags], home);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  // Said once.
  await expect.poll(() => proxy.requests.length, { timeout: 20_000 }).toBeGreaterThan(3);
  expect(warnings.length).toBe(1);
  const text = await status();
  expect(text).toMatch(/^first +RUNNING +3 +0 +1 +0$/m);
  expect(text).toContain(`npx dualtail sync ${root}`);

  proxy.fault = () => "pass";
  await run.finish("FINISHED");
  await tracker.close();
  const [state, ...others] = JSON.parse(await status("--json")) as RunState[];
  expect(others).toEqual([]);
  expect(state).toMatchObject({
    id: run.id,
    name: "first",
    state: "FINISHED",
    events: 4,
    delivered: 4,
    artifactsLeft: 0,
    rejected: 0,
    url: run.url,
  });
  expect(state).not.toHaveProperty(["lastError"]);
  expect(await readRunStates(root)).toEqual([state]);
  expect(await status()).not.toContain("sync");
  const missing = await dualtail(["status", join(home, "nowhere")], home);
  expect(missing.code).toBe(1);
  expect(missing.errors).toEqual([expect.stringMatching(/there is no folder .*nowhere/)]);
});
