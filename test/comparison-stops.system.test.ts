import { existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { dualtail, finish, main, startScript } from "./support/cli.ts";
import { type Comparisons, named, openComparisons } from "./support/comparisons.ts";
import { startFaultyProxy } from "./support/faulty-proxy.ts";
import { SERVER_START } from "./support/mlflow-server.ts";

let here: Comparisons;
beforeAll(async () => {
  here = await openComparisons();
}, SERVER_START);
afterAll(() => here?.close());

/** Until a comparison is in the middle of training: its first epoch is done. */
async function firstCheckpoint(
  runs: string,
  experiment: string,
  child: { readonly exitCode: number | null },
) {
  const isThere = () =>
    existsSync(runs) &&
    readdirSync(runs, { recursive: true, encoding: "utf8" }).some(
      (name) => name.includes(experiment) && /step-\d+$/.test(name),
    );
  while (!isThere() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("a comparison that is stopped", () => {
  it("stops at Ctrl-C with runs KILLED and resumes to the same adapters", async () => {
    const long = { losses: "[la]", train: "epochs: 30, batchSize: 8" };
    const whole = here.config(long);
    expect((await here.compare(whole.file)).code).toBe(0);
    const adapters = async (experiment: string) => {
      const run = named((await here.runsOf(experiment)).children, "la · clip · seed 0");
      return Buffer.from(
        await here.client.artifacts.download(run.info, "checkpoint/adapters.safetensors"),
      ).toString("hex");
    };

    const { file, experiment } = here.config(long);
    const child = startScript(main, ["compare", file, "--threads", "1"], here.dir, {
      MLFLOW_TRACKING_URI: here.uri,
    });
    const ended = finish(child);
    await firstCheckpoint(join(here.dir, "runs"), experiment, child);
    child.kill("SIGINT");
    const stopped = await ended;
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(stopped.stderr).toMatch(/stopped at step \d+ of 180 — go on with: --resume \S+comparison/);
    const before = await here.runsOf(experiment);
    expect(before.parent.info.status).toBe("KILLED");
    const killed = named(before.children, "la · clip · seed 0");
    expect(killed.info.status).toBe("KILLED");
    expect(killed.tags["dualtail.reason"]).toMatch(/stopped at step/);

    const folder = readdirSync(join(here.dir, "runs")).find((name) => name.endsWith(experiment))!;
    const resumed = await here.compare(file, "--resume", join("runs", folder));
    expect(resumed.code, resumed.stderr).toBe(0);
    const after = await here.runsOf(experiment);
    expect(after.parent.info.runId).toBe(before.parent.info.runId);
    expect(after.parent.info.status).toBe("FINISHED");
    expect(after.parent.tags).not.toHaveProperty(["dualtail.reason"]);
    expect(after.children.length).toBe(before.children.length);
    expect(await adapters(experiment)).toBe(await adapters(whole.experiment));
    const run = named(after.children, "la · clip · seed 0");
    const steps = (await here.client.metrics.getHistory(run.info.runId, "train/loss")).map(
      ({ step }) => step,
    );
    expect([...steps].sort((a, b) => a - b)).toEqual([...Array(180).keys()]);
  });
});

describe("a comparison whose MLflow server is not there when it starts", () => {
  it("runs, is gone on with by the same command after kill -9, and reaches the server that came", async () => {
    const proxy = await startFaultyProxy(here.uri);
    onTestFinished(() => proxy.close());
    proxy.fault = () => "refuse";
    const cwd = join(here.dir, "absent");
    await mkdir(cwd);
    const { file, experiment } = here.config({ losses: "[la]", train: "epochs: 30, batchSize: 8" });
    const env = { MLFLOW_TRACKING_URI: proxy.uri };
    const args = ["compare", file, "--threads", "1", "--quiet"];
    const child = startScript(main, args, cwd, env);
    const ended = finish(child);
    await firstCheckpoint(join(cwd, "runs"), experiment, child);
    child.kill("SIGKILL");
    const stopped = await ended;
    expect(stopped.code, stopped.stderr).toBe(null);
    const warned = stopped.errors.filter((line) => line.includes("cannot be reached"));
    expect(warned.length).toBe(1);
    expect(warned[0]).toContain(proxy.uri);
    expect(warned[0]).toMatch(/tried again.*npx dualtail sync \S+runs$/);
    expect(await here.client.experiments.getByName(experiment)).toBeUndefined();

    proxy.fault = () => "pass";
    const again = await dualtail(args, cwd, env);
    expect(again.code, again.stderr).toBe(0);
    const { parent, children } = await here.runsOf(experiment);
    expect([parent.info.status, children.length]).toEqual(["FINISHED", 2]);
    const run = named(children, "la · clip · seed 0");
    const steps = (await here.client.metrics.getHistory(run.info.runId, "train/loss")).map(
      ({ step }) => step,
    );
    expect([...steps].sort((a, b) => a - b)).toEqual([...Array(180).keys()]);
    expect(readdirSync(join(cwd, "runs")).length).toBe(1);
  });
});

describe("without Python", () => {
  it("keeps the runs on disk, says how to upload them, and sync does", async () => {
    const { file, experiment } = here.config({});
    const nowhere = join(here.dir, "nowhere");
    await mkdir(nowhere, { recursive: true });
    const { code, stderr, stdout } = await dualtail(["compare", file, "--threads", "1"], here.dir, {
      PATH: nowhere,
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("zero-shot");
    const hint = stderr.match(/npx dualtail sync (\S+)/);
    expect(hint, stderr).not.toBeNull();
    const synced = await dualtail(["sync", hint![1]!], here.dir, { MLFLOW_TRACKING_URI: here.uri });
    expect(synced.code, synced.stderr).toBe(0);
    const { parent, children } = await here.runsOf(experiment);
    expect(parent.info.status).toBe("FINISHED");
    expect(children.length).toBe(2);
  });
});

describe("dualtail mlflow", () => {
  it(
    "opens the server that dualtail keeps until Ctrl-C, which ends it well",
    async () => {
      const child = startScript(main, ["mlflow"], fileURLToPath(new URL("..", import.meta.url)));
      const ended = finish(child);
      const printed = await new Promise<string>((resolve) => {
        let text = "";
        child.stdout.on("data", (chunk: Buffer) => {
          text += chunk.toString();
          if (text.includes("Ctrl-C")) resolve(text);
        });
        child.on("exit", () => resolve(text));
      });
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0];
      expect(address, printed).toBeDefined();
      expect((await fetch(`${address}/health`)).status).toBe(200);
      child.kill("SIGINT");
      expect((await ended).code).toBe(0);
    },
    SERVER_START,
  );
});
