/**
 * Trains small classifiers, logs and registers them on a real MLflow server, and has MLflow's own Python load and serve
 * them: `npm run mlflow-model` prints the largest absolute difference between its logits and dualtail's.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../core/cli/run.ts";
import { loadTestLogits } from "../../core/comparison/execute/predictions.ts";
import { createContainer, resolve } from "../../core/container/index.ts";
import { locateModel, openTrainedModel, type TrainedModel } from "../../core/exchange/index.ts";
import { classifierGraph, sharedPreprocessor } from "../../core/exchange/onnx/classifier-graph.ts";
import { createMlflowClient } from "../../core/mlflow-js-client/index.ts";
import { compile } from "../../core/runtime/index.ts";
import { startManagedMlflow } from "../../core/tracking/index.ts";
import { makeTinyClip } from "../../test/support/tiny-clip.ts";
import { plugin as toy } from "../../test/support/toy-dataset.ts";
import { modelPython } from "./environment.ts";

/** Logits of the golden tests agree to 1e-5 of their size; those here are below 30. */
const TOLERANCE = 1e-4;
const root = fileURLToPath(new URL("../../", import.meta.url));
const toyFile = join(root, "test/support/toy-dataset.ts");

interface Answer {
  readonly rows: readonly (readonly [model: string, way: string, uri: string, difference: number])[];
  /** Of one model's logits from another's. */
  readonly control: number;
  /** Registered models whose best version MLflow does not find as its run's output and by its test dataset. */
  readonly unlinked: readonly string[];
  /** Keys of MLmodel, and files, in which `mlflow.onnx.save_model` differs. */
  readonly differing: readonly string[];
}

const dir = mkdtempSync(join(tmpdir(), "dualtail-mlflow-model-"));
const python = await modelPython();
const server = await startManagedMlflow({
  home: join(root, ".dualtail"),
  dataDir: join(dir, "mlflow"),
  onProgress: (line) => console.error(line),
});
try {
  const answer = await check();
  console.log("| model | through | from | max absolute difference of a logit |");
  console.log("| --- | --- | --- | ---: |");
  for (const [model, way, uri, difference] of answer.rows) {
    const shown = uri
      .replace(dir, "…")
      .replace(/m-[0-9a-f]{32}/, "<model id>")
      .replace(/[0-9a-f]{32}/, "<run>");
    console.log(`| ${model} | ${way} | ${shown} | ${difference.toExponential(1)} |`);
    if (!(difference <= TOLERANCE)) process.exitCode = 1;
  }
  const { control, differing, unlinked } = answer;
  console.log(`Linked to run and test dataset: ${unlinked.length ? `not ${unlinked.join(", ")}` : "all"}`);
  console.log(`Beside it: the logits of two of the models differ by ${control.toExponential(1)}`);
  if (!(control > 1000 * TOLERANCE)) process.exitCode = 1;
  console.log(
    `MLmodel and files beside those of mlflow.onnx.save_model: ${differing.length ? `other ${differing.join(", ")}` : "the same"}`,
  );
  if (differing.length + unlinked.length > 0) process.exitCode = 1;
} finally {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function check(): Promise<Answer> {
  for (const [name, seed] of [
    ["one", 1],
    ["two", 2],
  ] as const) {
    await makeTinyClip(join(dir, name), { channels: 1, seed });
  }
  const config = {
    experiment: "mlflow-model",
    plugins: [toyFile],
    dataset: { use: "toy" },
    backbones: [
      { use: "clip", folder: "./one" },
      { use: "openclip", folder: "./two" },
    ],
    peft: { use: "lora", rank: 2 },
    losses: [
      "la",
      { use: "backdoor", mode: "joint", label: "joint" },
      { use: "backdoor", label: "post-hoc" },
    ],
    train: { epochs: 2, batchSize: 8, optimizer: { use: "sgd", lr: 0.05 } },
    output: "runs",
    threads: 1,
  };
  writeFileSync(join(dir, "comparison.json"), JSON.stringify(config));
  await dualtail("compare", "comparison.json", "--register", "of-compare", "--quiet");
  const folder = join(dir, "runs", readdirSync(join(dir, "runs"))[0]!);
  const { registry } = createMlflowClient({ trackingUri: server.uri });
  const compared = (await registry.byAlias("of-compare", "best"))!;
  const cases = [];
  for (const key of readdirSync(join(folder, "cells")).sort()) {
    const cell = join(folder, "cells", key);
    const name = key.replace(/_[^_]*$/, "");
    await dualtail("register", cell, "--name", name, "--quiet");
    const { runId, modelId } = (await registry.byAlias(name, "best"))!;
    const model = await open(cell);
    const { pixels, shape } = await testPixels(model);
    const logits =
      model.members.length > 1 ? await ownLogits(model, pixels, shape) : await loadTestLogits(cell);
    const file = (what: string, values: Float32Array) => {
      const path = join(dir, `${key}.${what}`);
      writeFileSync(path, values);
      return path;
    };
    const [alias, logged] = [`models:/${name}@best`, `runs:/${runId}/model`];
    cases.push({
      name,
      shape,
      pixels: file("pixels", pixels),
      logits: file("logits", logits),
      load: [
        join(cell, "mlflow-model"),
        logged,
        `models:/${modelId}`,
        alias,
        // What the comparison has registered itself.
        ...(runId === compared.runId ? ["models:/of-compare@best"] : []),
      ],
      serve: name.startsWith("la_clip")
        ? [alias]
        : runId === compared.runId
          ? ["models:/of-compare@best"]
          : [],
      cell,
    });
  }
  return ask({ tracking_uri: server.uri, cases, folder: join(cases[0]!.cell, "mlflow-model") });
}

async function dualtail(...args: string[]): Promise<void> {
  const env = { ...process.env, MLFLOW_TRACKING_URI: server.uri };
  const code = await run(args, { env, cwd: dir, stdout: process.stderr, stderr: process.stderr });
  if (code !== 0) throw new Error(`dualtail ${args.join(" ")} ended with code ${code}`);
}

async function open(cell: string): Promise<TrainedModel> {
  const registry = resolve(await createContainer({ plugins: [toyFile], baseDir: dir }), "registry");
  return openTrainedModel(await locateModel(cell), {
    plugins: {
      peft: (name) => registry.get("peft", name),
      loss: (name) => registry.get("loss", name),
      strata: (name) => registry.get("strata", name),
    },
  });
}

/** The test images, which have the model's size, as it takes them: [N, 1, 8, 8]. */
async function testPixels(model: TrainedModel) {
  const { test } = await toy.load(undefined as never, { head: 24, emptyClass: false });
  const { rescale, mean, std, imageSize } = sharedPreprocessor(model);
  const bytes = test.images.flatMap((image) => (image.kind === "pixels" ? [...image.data] : []));
  return {
    pixels: Float32Array.from(bytes, (value) => (value * rescale - mean[0]!) / std[0]!),
    shape: [test.images.length, 1, imageSize, imageSize],
  };
}

/** From the static graph that a comparison evaluates with. */
async function ownLogits(model: TrainedModel, pixels: Float32Array, [batch]: readonly number[]) {
  const { graph, outputs, params } = classifierGraph(model, batch!);
  const program = await compile(graph, { "own.logits": outputs.logits }, { threads: 1 });
  const { "own.logits": logits } = await program.run({ pixel_values: pixels, ...Object.fromEntries(params) });
  await program.release();
  return logits as Float32Array;
}

function ask(task: unknown): Promise<Answer> {
  return new Promise((resolvePromise, reject) => {
    const script = fileURLToPath(new URL("./check.py", import.meta.url));
    const child = spawn(python, ["-W", "ignore", script], {
      cwd: dir,
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, MLFLOW_DISABLE_TELEMETRY: "true" },
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolvePromise(JSON.parse(output) as Answer);
      else reject(new Error(`check.py ended with code ${code}`));
    });
    child.stdin.end(JSON.stringify(task));
  });
}
