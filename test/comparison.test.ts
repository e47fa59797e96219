import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { MlflowClient } from "../core/mlflow-js-client/index.ts";
import { dualtail, finish, main, startScript, toyPlugin as toy } from "./support/cli.ts";
import { startFaultyProxy } from "./support/faulty-proxy.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "./support/mlflow-server.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";

let dir: string;
let commit: string;
let client: MlflowClient;
let uri: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-comparison-"));
  for (const [name, seed] of [
    ["one", 1],
    ["two", 2],
  ] as const) {
    await makeTinyClip(join(dir, name), { channels: 1, seed });
  }
  // A checkout of its own, whose commit the runs must name; the configs written later are not in it.
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
      cwd: dir,
      encoding: "utf8",
    });
  git("init", "--quiet");
  git("commit", "--quiet", "--allow-empty", "--message", "start");
  commit = git("rev-parse", "HEAD").trim();
  uri = await mlflowUri();
  client = await mlflowClient();
}, SERVER_START);
afterAll(() => rm(dir, { recursive: true, force: true }));

interface Setting {
  readonly losses?: string;
  readonly backbones?: string;
  readonly dataset?: string;
  readonly train?: string;
}

const TWO = "[{ use: clip, folder: ./one }, { use: openclip, folder: ./two }]";

/** Writes a config; returns the file and the experiment's name. */
function config({
  losses = "[ce]",
  backbones = "[{ use: clip, folder: ./one }]",
  dataset = "{ use: toy }",
  train = "epochs: 3, batchSize: 8",
}: Setting) {
  const experiment = uniqueName("comparison");
  const file = join(dir, `${experiment}.yaml`);
  writeFileSync(
    file,
    `experiment: ${experiment}
plugins: ["${toy}"]
dataset: ${dataset}
backbones: ${backbones}
peft: { use: adaptformer, bottleneck: 2 }
losses: ${losses}
train: { ${train}, optimizer: { use: sgd, lr: 0.02 } }
output: runs
`,
  );
  return { file, experiment };
}

const compare = (file: string, ...args: string[]) =>
  dualtail(["compare", file, "--threads", "1", ...args], dir, { MLFLOW_TRACKING_URI: uri });

/** All runs of an experiment: the parent and its children. */
async function runsOf(experiment: string) {
  const found = await client.experiments.getByName(experiment);
  const { items } = await client.runs.search({ experimentIds: [found!.experimentId] });
  const parent = items.find(({ tags }) => tags["mlflow.parentRunId"] === undefined)!;
  return { parent, children: items.filter(({ tags }) => tags["mlflow.parentRunId"] === parent.info.runId) };
}
const named = <T extends { info: { runName: string } }>(runs: readonly T[], name: string): T =>
  runs.find(({ info }) => info.runName === name) ??
  expect.fail(`no run "${name}" among ${runs.map((run) => run.info.runName)}`);

describe("a comparison in a real MLflow server", () => {
  it("logs a parent run and a nested run per row, with everything in them", async () => {
    const losses =
      "[ce, la, gla-train, { use: backdoor, mode: joint, label: joint }, { use: backdoor, label: post-hoc }]";
    const { file, experiment } = config({ losses, backbones: TWO });
    const { code, stdout, stderr } = await compare(file);
    expect(code, stderr).toBe(0);
    for (const row of ["zero-shot", "ce", "la", "gla-train", "joint", "post-hoc"])
      expect(stdout).toContain(row);

    const { parent, children } = await runsOf(experiment);
    expect(parent.info.status).toBe("FINISHED");
    // Two zero-shot rows, three losses × two backbones, one joint, one post-hoc.
    expect(children.length).toBe(2 + 6 + 1 + 1);
    expect(children.every(({ info }) => info.status === "FINISHED")).toBe(true);
    expect(parent.params).toMatchObject({ dataset: "toy", peft: "adaptformer", "train.epochs": "3" });
    expect(parent.tags["mlflow.source.git.commit"]).toBe(commit);
    expect(parent.tags["dualtail.git.dirty"]).toBe("true");
    const top = (await client.artifacts.list(parent.info.runId)).map(({ path }) => path);
    expect(top).toEqual(
      expect.arrayContaining(["comparison.md", "comparison.json", "config.resolved.json", "plots"]),
    );

    const la = named(children, "la · clip · seed 0");
    expect(la.params).toMatchObject({ loss: "la", "loss.tau": "1", backbone: "clip", seed: "0" });
    // 48 training images in batches of 8, three epochs.
    const losses_ = await client.metrics.getHistory(la.info.runId, "train/loss");
    expect(losses_.map(({ step }) => step)).toEqual([...Array(18).keys()]);
    expect((await client.metrics.getHistory(la.info.runId, "validation/overall")).length).toBe(3);
    const metrics = Object.fromEntries(la.metrics.map(({ key, value }) => [key, value]));
    expect(metrics["test/overall"]).toBeGreaterThanOrEqual(0);
    for (const key of [
      "test/d_medium",
      "test/d_few",
      "test/p_many",
      "test/p_few",
      "test/knn",
      "test/ece",
      "test/macro_f1",
      "trainable_parameters",
    ]) {
      expect(metrics, key).toHaveProperty([key]);
    }
    // No class has more than 100 images: an empty group is absent, not 0.
    expect(metrics).not.toHaveProperty(["test/d_many"]);
    expect(la.datasets.map(({ tags }) => tags?.["mlflow.data.context"]).sort()).toEqual([
      "test",
      "training",
      "validation",
    ]);
    const files = (await client.artifacts.list(la.info.runId)).map(({ path }) => path);
    expect(files).toEqual(
      expect.arrayContaining(["checkpoint", "per-class.csv", "predictions.csv", "plots"]),
    );

    const postHoc = named(children, "post-hoc · clip + openclip · seed 0");
    expect(postHoc.metrics.some(({ key }) => key === "test/overall")).toBe(true);
  });

  it("stops at Ctrl-C with runs KILLED and resumes to the same adapters", async () => {
    const long = { losses: "[la]", train: "epochs: 30, batchSize: 8" };
    const whole = config(long);
    expect((await compare(whole.file)).code).toBe(0);
    const adapters = async (experiment: string) => {
      const run = named((await runsOf(experiment)).children, "la · clip · seed 0");
      return Buffer.from(
        await client.artifacts.download(run.info, "checkpoint/adapters.safetensors"),
      ).toString("hex");
    };

    const { file, experiment } = config(long);
    const child = startScript(main, ["compare", file, "--threads", "1"], dir, { MLFLOW_TRACKING_URI: uri });
    const ended = finish(child);
    // In the middle of training: the run is there and has steps.
    for (;;) {
      const found = await client.experiments.getByName(experiment);
      const runs = found ? (await client.runs.search({ experimentIds: [found.experimentId] })).items : [];
      if (runs.some(({ metrics }) => metrics.some(({ key, step }) => key === "train/loss" && step > 5)))
        break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    child.kill("SIGINT");
    const stopped = await ended;
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(stopped.stderr).toMatch(/stopped at step \d+ of 180 — go on with: --resume \S+comparison/);
    const before = await runsOf(experiment);
    expect(before.parent.info.status).toBe("KILLED");
    const killed = named(before.children, "la · clip · seed 0");
    expect(killed.info.status).toBe("KILLED");
    expect(killed.tags["dualtail.reason"]).toMatch(/stopped at step/);

    const folder = readdirSync(join(dir, "runs")).find((name) => name.endsWith(experiment))!;
    const resumed = await compare(file, "--resume", join("runs", folder));
    expect(resumed.code, resumed.stderr).toBe(0);
    const after = await runsOf(experiment);
    expect(after.parent.info.runId).toBe(before.parent.info.runId);
    expect(after.parent.info.status).toBe("FINISHED");
    expect(after.parent.tags).not.toHaveProperty(["dualtail.reason"]);
    expect(after.children.length).toBe(before.children.length);
    expect(await adapters(experiment)).toBe(await adapters(whole.experiment));
    const run = named(after.children, "la · clip · seed 0");
    const steps = (await client.metrics.getHistory(run.info.runId, "train/loss")).map(({ step }) => step);
    expect([...steps].sort((a, b) => a - b)).toEqual([...Array(180).keys()]);
  });
});

describe("bad input: one line, exit code, and FAILED with the reason", () => {
  /** Runs a comparison that must fail; returns its line of complaint and the runs it left. */
  async function failing(setting: Setting) {
    const { file, experiment } = config(setting);
    const { code, errors } = await compare(file, "--quiet");
    expect(code).toBe(1);
    const complaints = errors.filter((line) => !line.startsWith("(node:"));
    const found = await client.experiments.getByName(experiment);
    return { complaints, runs: found ? await runsOf(experiment) : undefined };
  }

  it("a loss that is not finite", async () => {
    const { file, experiment } = config({ losses: "[ce]", train: "epochs: 2, batchSize: 8" });
    writeFileSync(file, readFileSync(file, "utf8").replace("lr: 0.02", "lr: 1.0e+30"));
    const { code, stderr } = await compare(file, "--quiet");
    expect(code).toBe(1);
    expect(stderr).toMatch(/the loss is (NaN|Infinity) at step \d+ — lower train.optimizer.lr/);
    const { parent, children } = await runsOf(experiment);
    expect(parent.info.status).toBe("FAILED");
    const cell = named(children, "ce · clip · seed 0");
    expect(cell.info.status).toBe("FAILED");
    expect(cell.tags["dualtail.reason"]).toMatch(/the loss is (NaN|Infinity)/);
    // What did work stays.
    expect(named(children, "zero-shot · clip").info.status).toBe("FINISHED");
  });

  it("an image that does not decode", async () => {
    const broken = join(dir, "broken.png");
    writeFileSync(broken, "this is no image");
    const { complaints, runs } = await failing({ dataset: `{ use: toy, brokenFile: "${broken}" }` });
    expect(complaints.join("\n")).toContain("broken.png");
    expect(runs!.parent.info.status).toBe("FAILED");
    expect(runs!.parent.tags["dualtail.reason"]).toContain("broken.png");
  });

  it("a class without a training image", async () => {
    const { complaints, runs } = await failing({ dataset: "{ use: toy, emptyClass: true }" });
    expect(complaints).toEqual([expect.stringContaining('the class "star" has no training image')]);
    expect(runs!.parent.info.status).toBe("FAILED");
  });

  it("weights that are missing, truncated or garbage", async () => {
    const damage: readonly (readonly [string, (file: string) => void, RegExp])[] = [
      ["truncated", (file) => truncateSync(file, 3000), /truncated.*model\.safetensors/],
      ["garbage", (file) => writeFileSync(file, Buffer.alloc(200, 255)), /garbage.*model\.safetensors/],
    ];
    for (const [name, spoil, message] of damage) {
      await makeTinyClip(join(dir, name), { channels: 1 });
      spoil(join(dir, name, "model.safetensors"));
      const { complaints, runs } = await failing({ backbones: `[{ use: clip, folder: ./${name} }]` });
      expect(complaints).toEqual([expect.stringMatching(message)]);
      expect(runs!.parent.info.status).toBe("FAILED");
    }
    await mkdir(join(dir, "empty"), { recursive: true });
    const { complaints } = await failing({ backbones: "[{ use: clip, folder: ./empty }]" });
    expect(complaints).toEqual([expect.stringMatching(/empty.*config\.json/)]);
  });

  it("a tracking address that is none", async () => {
    const { file } = config({});
    const { code, errors } = await dualtail(["compare", file, "--quiet"], dir, {
      MLFLOW_TRACKING_URI: "htp://127.0.0.1:9",
    });
    expect(code).toBe(1);
    expect(errors).toEqual([expect.stringMatching(/must be http.*htp:/)]);
  });
});

describe("a comparison whose MLflow server is not there when it starts", () => {
  it("runs, is gone on with by the same command after kill -9, and reaches the server that came", async () => {
    const proxy = await startFaultyProxy(uri);
    onTestFinished(() => proxy.close());
    proxy.fault = () => "refuse";
    const cwd = join(dir, "absent");
    await mkdir(cwd);
    const { file, experiment } = config({ losses: "[la]", train: "epochs: 30, batchSize: 8" });
    const env = { MLFLOW_TRACKING_URI: proxy.uri };
    const args = ["compare", file, "--threads", "1", "--quiet"];
    const child = startScript(main, args, cwd, env);
    const ended = finish(child);
    const checkpoints = () =>
      readdirSync(cwd, { recursive: true, encoding: "utf8" }).some((name) => /step-\d+$/.test(name));
    while (!checkpoints() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill("SIGKILL");
    const stopped = await ended;
    expect(stopped.code, stopped.stderr).toBe(null);
    const warned = stopped.errors.filter((line) => line.includes("cannot be reached"));
    expect(warned.length).toBe(1);
    expect(warned[0]).toContain(proxy.uri);
    expect(warned[0]).toMatch(/tried again.*npx dualtail sync \S+runs$/);
    expect(await client.experiments.getByName(experiment)).toBeUndefined();

    proxy.fault = () => "pass";
    const again = await dualtail(args, cwd, env);
    expect(again.code, again.stderr).toBe(0);
    const { parent, children } = await runsOf(experiment);
    expect([parent.info.status, children.length]).toEqual(["FINISHED", 2]);
    const run = named(children, "la · clip · seed 0");
    const steps = (await client.metrics.getHistory(run.info.runId, "train/loss")).map(({ step }) => step);
    expect([...steps].sort((a, b) => a - b)).toEqual([...Array(180).keys()]);
    expect(readdirSync(join(cwd, "runs")).length).toBe(1);
  });
});

describe("without Python", () => {
  it("keeps the runs on disk, says how to upload them, and sync does", async () => {
    const { file, experiment } = config({});
    const nowhere = join(dir, "nowhere");
    await mkdir(nowhere, { recursive: true });
    const { code, stderr, stdout } = await dualtail(["compare", file, "--threads", "1"], dir, {
      PATH: nowhere,
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("zero-shot");
    const hint = stderr.match(/npx dualtail sync (\S+)/);
    expect(hint, stderr).not.toBeNull();
    const synced = await dualtail(["sync", hint![1]!], dir, { MLFLOW_TRACKING_URI: uri });
    expect(synced.code, synced.stderr).toBe(0);
    const { parent, children } = await runsOf(experiment);
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
