import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSafetensorsHeader, readTensor } from "../core/models/checkpoint/safetensors.ts";
import { dualtail, toyPlugin as plugin } from "./support/cli.ts";
import { commandLine } from "./support/command-line.ts";
import { relativeError } from "./support/parity.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";
import { plugin as toy } from "./support/toy-dataset.ts";

const CLASSES = 6;
const PIXELS = 64;

let dir: string;
let runFolder: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-export-"));
  for (const [name, seed] of [
    ["one", 1],
    ["two", 2],
  ] as const) {
    await makeTinyClip(join(dir, name), { channels: 1, seed });
  }
  writeFileSync(
    join(dir, "comparison.yaml"),
    `experiment: export
plugins: ["${plugin}"]
dataset: { use: toy }
backbones: [{ use: clip, folder: ./one }, { use: openclip, folder: ./two }]
peft: { use: lora, rank: 2, alpha: 4 }
losses: [la, { use: backdoor, mode: joint, label: joint }, { use: backdoor, label: post-hoc }]
train: { epochs: 2, batchSize: 8, optimizer: { use: sgd, lr: 0.05 } }
output: runs
`,
  );
  // Without Python on PATH, runs are kept on disk.
  await mkdir(join(dir, "nowhere"));
  const { code, stderr } = await dualtail(["compare", "comparison.yaml", "--threads", "1", "--quiet"], dir, {
    PATH: join(dir, "nowhere"),
  });
  expect(code, stderr).toBe(0);
  runFolder = join("runs", readdirSync(join(dir, "runs"))[0]!);
}, 120_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

const call = (...args: string[]) => commandLine(args, dir);

/** Folder of the cell whose name starts so. */
const cell = (start: string): string => {
  const cells = join(runFolder, "cells");
  return join(cells, readdirSync(join(dir, cells)).find((name) => name.startsWith(start))!);
};

/** Logits of the test images, as raw pixels. */
async function testLogits(file: string): Promise<Float32Array> {
  const { test } = await toy.load(undefined as never, { head: 24, emptyClass: false });
  const count = test.images.length;
  const pixels = Uint8Array.from(
    test.images.flatMap((image) => (image.kind === "pixels" ? [...image.data] : [])),
  );
  expect(pixels.length).toBe(count * PIXELS);
  const session = await InferenceSession.create(join(dir, file), { intraOpNumThreads: 1 });
  const { logits } = await session.run({ pixel_values: new Tensor("uint8", pixels, [count, 8, 8, 1]) });
  await session.release();
  expect(logits!.dims).toEqual([count, CLASSES]);
  return logits!.data as Float32Array;
}

/** Test logits that the comparison kept, per backbone. */
async function keptLogits(start: string): Promise<Float32Array[]> {
  const header = await readSafetensorsHeader(join(dir, cell(start), "test-logits.safetensors"));
  return Promise.all([...header.tensors.keys()].sort().map((name) => readTensor(header, name)));
}

const probabilities = (logits: Float32Array): number[] =>
  Array.from(logits, (_, i) => {
    const row = logits.subarray(i - (i % CLASSES), i - (i % CLASSES) + CLASSES);
    return Math.exp(logits[i]!) / row.reduce((sum, value) => sum + Math.exp(value), 0);
  });

describe("dualtail export onnx", () => {
  it("gives the logits that the comparison measured", async () => {
    const { code, stdout, stderr } = await call(
      "export",
      "onnx",
      cell("la_clip"),
      "--out",
      "la.onnx",
      "--include-preprocessing",
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^la · clip · seed 0, 6 classes\n.*la\.onnx \(\d+ kB\)\n$/);
    const [kept] = await keptLogits("la_clip");
    expect(relativeError(await testLogits("la.onnx"), kept!)).toBeLessThan(1e-5);
  });

  it.each([
    ["post-hoc", ["la_clip", "la_openclip"]],
    ["joint", ["joint"]],
  ])("combines the backbones of a %s model in one file", async (name, from) => {
    const { code, stderr } = await call(
      "export",
      "onnx",
      cell(name),
      "--out",
      `${name}.onnx`,
      "--include-preprocessing",
    );
    expect(code, stderr).toBe(0);
    const [a, b] = (await Promise.all(from.map(keptLogits))).flat().map(probabilities);
    const mean = a!.map((value, i) => (value + b![i]!) / 2);
    expect(relativeError(probabilities(await testLogits(`${name}.onnx`)), mean)).toBeLessThan(1e-5);
  });

  it("takes a checkpoint, and a downloaded artifact of one", async () => {
    await call("export", "onnx", cell("la_clip"), "--out", "a.onnx");
    const checkpoints = join(cell("la_clip"), "checkpoints");
    const [step] = readdirSync(join(dir, checkpoints));
    const artifact = join(dir, "artifact");
    await cp(join(dir, checkpoints, step!), artifact, { recursive: true });
    await cp(join(dir, cell("la_clip"), "model.json"), join(artifact, "model.json"));
    for (const source of [checkpoints, join(checkpoints, step!), artifact]) {
      const { code, stderr } = await call("export", "onnx", source, "--out", "b.onnx");
      expect(code, stderr).toBe(0);
      expect(readFileSync(join(dir, "b.onnx")).equals(readFileSync(join(dir, "a.onnx")))).toBe(true);
    }
  });

  it("writes weights beside the model", async () => {
    const flags = ["--external-data", "--keep-half"];
    const { stdout } = await call("export", "onnx", cell("la_clip"), "--out", "deep/er/m.onnx", ...flags);
    expect(stdout).toMatch(/m\.onnx \(\d+ kB\)\n.*m\.onnx\.data \(\d+ kB\)/);
    expect(readdirSync(join(dir, "deep/er")).sort()).toEqual(["m.onnx", "m.onnx.data"]);
  });
});

describe("dualtail export mlflow", () => {
  it("is what the comparison has logged of every cell", () => {
    const found = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(join("model", "MLmodel")),
    );
    const inCells = found.filter((name) => name.startsWith(join(runFolder, "cells")));
    expect(inCells.map((name) => name.split("/").at(-3)!.replace(/_.*/, "")).sort()).toEqual([
      "joint",
      "la",
      "la",
      "post-hoc",
    ]);
    expect(found.filter((name) => name.endsWith(join("artifacts", "model", "MLmodel")))).toHaveLength(4);
  });

  it("writes a model folder with the logits that the comparison measured", async () => {
    const args = ["export", "mlflow", cell("la_clip"), "--out", "mlflow-model", "--include-preprocessing"];
    const { code, stdout, stderr } = await call(...args);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^la · clip · seed 0, 6 classes\n.*mlflow-model \(\d+ kB\)\n$/);
    expect(readdirSync(join(dir, "mlflow-model"))).toContain("MLmodel");
    const [kept] = await keptLogits("la_clip");
    expect(relativeError(await testLogits("mlflow-model/model.onnx"), kept!)).toBeLessThan(1e-5);
  });
});

describe("dualtail export peft", () => {
  it("writes a folder that dualtail export onnx reads again", async () => {
    const { code, stdout, stderr } = await call("export", "peft", cell("la_clip"), "--out", "adapter");
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(join(dir, "adapter"));
    expect(readdirSync(join(dir, "adapter")).sort()).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      "dualtail.json",
      "dualtail_head.safetensors",
    ]);
    const again = await call(
      "export",
      "onnx",
      "adapter",
      "--out",
      "again.onnx",
      "--include-preprocessing",
      "nhwc",
    );
    expect(again.code, again.stderr).toBe(0);
    const [kept] = await keptLogits("la_clip");
    expect(relativeError(await testLogits("again.onnx"), kept!)).toBeLessThan(1e-5);
  });

  it("wants to know which backbone of several", async () => {
    const ask = await call("export", "peft", cell("joint"), "--out", "joint");
    expect([ask.code, ask.stderr]).toEqual([
      2,
      expect.stringMatching(/^error: .* 2 backbones.* — add --backbone with one of clip, openclip\n$/),
    ]);
    const wrong = await call("export", "peft", cell("joint"), "--out", "joint", "--backbone", "blip");
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringMatching(/^error: .* has no backbone "blip"/),
    ]);
    const { code } = await call("export", "peft", cell("joint"), "--out", "joint", "--backbone", "openclip");
    expect(code).toBe(0);
    const config = JSON.parse(readFileSync(join(dir, "joint", "adapter_config.json"), "utf8"));
    expect(config).toMatchObject({ r: 2, lora_alpha: 4, base_model_name_or_path: join(dir, "two") });
  });
});

describe("what cannot be exported is told on one line", () => {
  it.each<[string, () => string[], RegExp]>([
    [
      "several models",
      () => [runFolder],
      /holds 4 trained models — name one of the folders in its cells\/: joint_/,
    ],
    ["a folder without a model", () => ["one"], /one: holds no trained model — /],
    ["a folder that is not there", () => ["nope"], /there is no folder .*nope \(ENOENT\) — /],
    ["a file", () => ["comparison.yaml"], /comparison\.yaml is a file — name the folder it is in/],
  ])("%s", async (_what, args, message) => {
    const { code, stdout, stderr } = await call("export", "onnx", ...args(), "--out", "x.onnx");
    expect(code).toBeGreaterThan(0);
    expect([stdout, stderr.trim().split("\n").length]).toEqual(["", 1]);
    expect(stderr).toMatch(message);
  });

  it("an adapter without a head, and a backbone that has gone", async () => {
    await call("export", "peft", cell("la_clip"), "--out", "headless");
    await rm(join(dir, "headless", "dualtail.json"));
    const headless = await call("export", "onnx", "headless", "--out", "x.onnx");
    expect([headless.code, headless.stderr]).toEqual([
      1,
      expect.stringMatching(/holds an adapter without a classifier/),
    ]);

    renameSync(join(dir, "two"), join(dir, "three"));
    const gone = await call("export", "onnx", cell("la_openclip"), "--out", "x.onnx");
    expect([gone.code, gone.stderr]).toEqual([
      1,
      expect.stringMatching(/two: there is no such checkpoint folder/),
    ]);
  });
});
