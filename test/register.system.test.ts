import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { publish } from "../core/cli/register/publish.ts";
import { writeMlflowModel } from "../core/exchange/index.ts";
import { type MlflowClient, modelOwner } from "../core/mlflow-js-client/index.ts";
import { openMlflowTracker, type Tracker } from "../core/tracking/index.ts";
import { commandLine } from "./support/command-line.ts";
import { ONNX_CASES } from "./support/exchange-cases.ts";
import { type LoggedCell, logCell } from "./support/logged-cell.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "./support/mlflow-server.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";

const toy = fileURLToPath(new URL("./support/toy-dataset.ts", import.meta.url));
const DATASET = { name: "synthetic", digest: "abc-test", sourceType: "local", source: "{}" };

let dir: string;
let client: MlflowClient;
let tracker: Tracker;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-register-"));
  client = await mlflowClient();
  tracker = await openMlflowTracker({ client, experiment: uniqueName("register") });
  await writeMlflowModel(await ONNX_CASES.lora!.model(), join(dir, "model"));
  await makeTinyClip(join(dir, "clip"), { channels: 1, seed: 1 });
}, SERVER_START);
afterAll(async () => {
  await tracker.close();
  await rm(dir, { recursive: true, force: true });
});

const call = async (...args: string[]) =>
  commandLine(args, dir, { MLFLOW_TRACKING_URI: await mlflowUri(), PATH: process.env.PATH });

/** A finished run with its model, and so many of ten images of each class right. */
async function cellRun(right: number, more: Partial<LoggedCell> = {}): Promise<string> {
  const id = await logCell(tracker, {
    loss: "la",
    kind: "single",
    backbone: "clip",
    seed: 0,
    right,
    ...more,
  });
  const { info } = await client.runs.get(id);
  await client.runs.logInputs(id, [{ dataset: DATASET, tags: { "mlflow.data.context": "test" } }]);
  for (const file of readdirSync(join(dir, "model"))) {
    await client.artifacts.uploadFile(info, `model/${file}`, join(dir, "model", file));
  }
  return id;
}

describe("dualtail register", () => {
  it("adds versions, and moves best only to one that is measurably better", async () => {
    const name = uniqueName("classifier");
    const register = (id: string) => call("register", id, "--name", name);
    const best = async () => (await client.registry.byAlias(name, "best"))?.version;
    const expectation = async (id: string, line: RegExp, now: string) => {
      const { code, stdout, stderr } = await register(id);
      expect(code, stderr).toBe(0);
      expect(stdout.split("\n")[1]).toMatch(line);
      expect(await best()).toBe(now);
    };
    const first = await cellRun(5);
    await expectation(first, /^best: now version 1, no version had it$/, "1");
    await expectation(
      await cellRun(9),
      /^best: now version 2, accuracy \+40\.0 points over version 1, 95 % interval \[\+2\d\.\d, \+5\d\.\d\] over 60 test images$/,
      "2",
    );
    await expectation(
      await cellRun(10, { seed: 1 }),
      /^best: now version 3, accuracy \+10\.0 points over version 2, 95 % interval \[\+\d\.\d, \+\d+\.\d\]/,
      "3",
    );
    await expectation(
      await cellRun(10, { seed: 2 }),
      /^best: version 3 keeps it: accuracy 0\.0 points over version 3, 95 % interval \[0\.0, 0\.0\].*, which holds 0$/,
      "3",
    );
    await expectation(
      await cellRun(4),
      /^best: version 3 keeps it: accuracy −60\.0 points over version 3, .* \[−\d+\.\d, −\d+\.\d\].*, below 0$/,
      "3",
    );
    await expectation(
      await cellRun(10, { images: "other" }),
      /^best: version 3 keeps it: they cannot be compared \(no run was tested on the same images\)$/,
      "3",
    );
    const again = await register(first);
    expect(again.stdout).toMatch(
      /^la · clip · seed 0: version 1 of .*, registered before\nbest: version 3 keeps it/,
    );
    expect(await client.registry.versions(name)).toHaveLength(6);
    const { tags } = await client.registry.getVersion(name, "2");
    expect(tags["dualtail.best"]).toMatch(/^accuracy \+40\.0 points/);
  }, 60_000);

  it("makes a logged model of the run, measured on its test data", async () => {
    const name = uniqueName("classifier");
    const id = await cellRun(7);
    expect((await call("register", id, "--name", name)).code).toBe(0);
    const version = (await client.registry.byAlias(name, "best"))!;
    expect(version).toMatchObject({ version: "1", runId: id, source: `models:/${version.modelId}` });
    const model = await client.loggedModels.get(version.modelId!);
    expect(model).toMatchObject({
      status: "READY",
      sourceRunId: id,
      name: "model",
      params: { loss: "la", seed: "0" },
    });
    const about = { modelId: model.modelId, dataset: { name: DATASET.name, digest: DATASET.digest } };
    expect(model.metrics.map(({ key }) => key).sort()).toEqual(["test/ece", "test/knn"]);
    for (const metric of model.metrics) expect(metric).toMatchObject(about);
    // The run's own points are not repeated.
    expect(await client.metrics.getHistory(id, "test/knn")).toHaveLength(1);
    for (const file of readdirSync(join(dir, "model")).filter((own) => own !== "MLmodel")) {
      const kept = await client.artifacts.download(modelOwner(model), file);
      expect(Buffer.from(kept).equals(readFileSync(join(dir, "model", file))), file).toBe(true);
    }
    const mlmodel = new TextDecoder().decode(await client.artifacts.download(modelOwner(model), "MLmodel"));
    expect(parse(mlmodel)).toMatchObject({
      model_id: model.modelId,
      run_id: id,
      artifact_path: model.artifactUri,
    });
    // The same run under another name is the same logged model.
    const other = uniqueName("classifier");
    expect((await call("register", id, "--name", other)).code).toBe(0);
    expect((await client.registry.byAlias(other, "best"))?.modelId).toBe(model.modelId);
  });

  it("takes the run's own artifacts on a server without logged models", async () => {
    const old = { ...client, server: { ...client.server, version: async () => "2.22.0" } };
    const ofRun = async (id: string) => ({ run: await client.runs.get(id), write: async () => {} });
    const source = await ofRun(await cellRun(6));
    const { version } = await publish(old, source, uniqueName("classifier"));
    expect(version).toMatchObject({
      version: "1",
      runId: source.run.info.runId,
      modelId: undefined,
      source: `${source.run.info.artifactUri}/model`,
    });
    const without = await logCell(tracker, {
      loss: "ce",
      kind: "single",
      backbone: "clip",
      seed: 9,
      right: 3,
    });
    await expect(publish(old, await ofRun(without), uniqueName("classifier"))).rejects.toThrow(
      /older than 3\.0 .* has logged none/,
    );
  });

  it("takes a cell's folder, whose run need not have logged a model", async () => {
    const config = {
      experiment: uniqueName("register-cell"),
      plugins: [toy],
      dataset: { use: "toy" },
      backbones: [{ use: "clip", folder: "./clip" }],
      peft: "bias",
      losses: ["la"],
      train: { epochs: 1, batchSize: 8 },
      models: { log: "none" },
      output: "runs",
      threads: 1,
    };
    writeFileSync(join(dir, "comparison.json"), JSON.stringify(config));
    const compared = await call("compare", "comparison.json", "--quiet");
    expect(compared.code, compared.stderr).toBe(0);
    const cells = join("runs", readdirSync(join(dir, "runs"))[0]!, "cells");
    const [cell] = readdirSync(join(dir, cells));
    const name = uniqueName("classifier");
    const { code, stdout, stderr } = await call("register", join(cells, cell!), "--name", name);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^la · clip · seed 0: version 1 of /);
    const version = (await client.registry.byAlias(name, "best"))!;
    expect(await client.artifacts.list(version.runId!, "model")).toEqual([]);
    const model = await client.loggedModels.get(version.modelId!);
    const { datasets } = await client.runs.get(version.runId!);
    const tested = datasets.find(({ tags }) => tags["mlflow.data.context"] === "test")!.dataset;
    expect(model.metrics.find(({ key }) => key === "test/overall")?.dataset).toEqual({
      name: tested.name,
      digest: tested.digest,
    });
    const none = await call("register", version.runId!, "--name", name);
    // Registered already: nothing has to be downloaded.
    expect(none.code).toBe(0);
  }, 60_000);

  it("is what compare does with its most accurate row that has a model", async () => {
    const name = uniqueName("classifier");
    const config = {
      experiment: uniqueName("compare-register"),
      plugins: [toy],
      dataset: { use: "toy" },
      backbones: [{ use: "clip", folder: "./clip" }],
      peft: "bias",
      // The second predicts with zero-shot logits, so that it has no model.
      losses: ["ce", { use: "gla", base: "ce" }],
      train: { epochs: 1, batchSize: 8 },
      models: { log: "none", register: name },
      output: "best",
      threads: 1,
    };
    const write = (file: string, more: object) =>
      writeFileSync(join(dir, file), JSON.stringify({ ...config, ...more }));
    write("best.json", {});
    const first = await call("compare", "best.json", "--json", "--quiet");
    expect(first.code, first.stderr).toBe(0);
    const { rows, registered } = JSON.parse(first.stdout);
    expect(registered).toMatchObject({
      label: "ce · clip · seed 0",
      name,
      version: "1",
      made: true,
      alias: { name: "best", moved: true, reason: "no version had it" },
    });
    expect(rows.map(({ kind }: { kind: string }) => kind).sort()).toEqual([
      "post-hoc",
      "single",
      "zero-shot",
    ]);
    const best = (await client.registry.byAlias(name, "best"))!;
    expect((await client.runs.get(best.runId!)).info.runName).toBe("ce · clip · seed 0");

    // Another seed, in this comparison the only row that is run; the config's name gives way to the command line's.
    write("other.json", { losses: ["ce"], seeds: [1], models: { register: "not this" } });
    const second = await call("compare", "other.json", "--register", name, "--quiet");
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout).toMatch(
      /\nce · clip · seed 1: version 2 of .*\nbest: (now version 2, )?(version 1 keeps it: )?accuracy .* 95 % interval \[.*\] over \d+ test images.*\nMLflow: .*\/versions\/2\n$/,
    );
    expect(await client.registry.versions("not this")).toEqual([]);

    // Nothing is run: the row is that of the earlier comparison, and so is its version.
    const again = await call("compare", "other.json", "--register", name, "--quiet");
    expect(again.stdout).toMatch(/\nce · clip · seed 1: version 2 of .*, registered before\n/);
    expect(await client.registry.versions(name)).toHaveLength(2);

    const bad = await call("compare", "other.json", "--register", "a/b", "--quiet");
    expect([bad.code, bad.stderr]).toEqual([
      2,
      expect.stringMatching(/^error: --register: .* "a\/b" — .*\n$/),
    ]);
  }, 60_000);

  it("says on one line what cannot be registered", async () => {
    const name = uniqueName("classifier");
    const id = await logCell(tracker, { loss: "ce", kind: "single", backbone: "clip", right: 3 });
    const tell = async (what: string) => {
      const { code, stderr } = await call("register", what, "--name", name, "--quiet");
      return [code, stderr];
    };
    expect(await tell(id)).toEqual([1, expect.stringMatching(/^error: .* has not logged its model — .*\n$/)]);
    expect(await tell("0".repeat(32))).toEqual([
      2,
      expect.stringMatching(/^error: there is no run 0{32} .*\n$/),
    ]);
    expect(await tell("nowhere")).toEqual([2, expect.stringMatching(/^error: there is no folder .*\n$/)]);
    const { info } = await client.runs.create({
      experimentId: (await client.runs.get(id)).info.experimentId,
    });
    expect(await tell(info.runId)).toEqual([2, expect.stringMatching(/is RUNNING, not FINISHED/)]);
  });
});
