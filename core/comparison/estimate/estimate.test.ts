import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { makeTinyClip } from "../../../test/support/tiny-clip.ts";
import { createContainer, type PluginRegistry, resolve } from "../../container/index.ts";
import { silentReporter } from "../../container/reporter.ts";
import { openDiskTracker } from "../../tracking/disk-tracker.ts";
import { type ComparisonConfig, parseConfigDocument, validateConfig } from "../config/index.ts";
import { executeComparison } from "../execute.ts";
import { planComparison } from "../plan/index.ts";
import { type EstimateResult, estimatePlan } from "./index.ts";
import { total } from "./space.ts";

/** What a run really does, counted where its programs are run. */
const done = vi.hoisted(() => ({ operations: 0, steps: 0, evaluated: 0 }));

vi.mock("../../training/train-step.ts", async (original) => {
  const actual = await original<typeof import("../../training/train-step.ts")>();
  return {
    ...actual,
    compileTrainStep: async (options: Parameters<typeof actual.compileTrainStep>[0]) => {
      const step = await actual.compileTrainStep(options);
      const run: typeof step.run = (batches, at) => {
        done.operations += step.flops * batches.length;
        done.steps++;
        return step.run(batches, at);
      };
      return { ...step, run };
    },
  };
});
vi.mock("../../models/run-in-batches.ts", async (original) => {
  const actual = await original<typeof import("../../models/run-in-batches.ts")>();
  const runInBatches: typeof actual.runInBatches = (images, batch, outputs, run) =>
    actual.runInBatches(images, batch, outputs, (pixels) => {
      done.evaluated += batch;
      return run(pixels);
    });
  return { ...actual, runInBatches };
});

const toyFile = fileURLToPath(new URL("../../../test/support/toy-dataset.ts", import.meta.url));
let dir: string;
let registry: PluginRegistry;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-estimate-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
  await makeTinyClip(join(dir, "two"), { channels: 1, seed: 2, layers: 3, visionWidth: 24 });
  registry = resolve(await createContainer({ plugins: [toyFile], baseDir: dir }), "registry");
});
afterAll(() => rm(dir, { recursive: true, force: true }));
beforeEach(() => Object.assign(done, { operations: 0, steps: 0, evaluated: 0 }));

const BASE = {
  experiment: "toy",
  dataset: "toy",
  backbones: [
    { use: "clip", folder: "./one" },
    { use: "openclip", folder: "./two" },
  ],
  peft: { use: "adaptformer", bottleneck: 2 },
  losses: ["ce"] as unknown[],
  threads: 1,
  train: { epochs: 2, batchSize: 8 },
};
const configOf = (changes: object): { text: string; config: ComparisonConfig } => {
  const text = JSON.stringify({ ...BASE, ...changes });
  return { text, config: validateConfig(parseConfigDocument(text, "c.json", dir), registry) };
};

function estimate(config: ComparisonConfig, more: object = {}): Promise<EstimateResult> {
  const plan = planComparison(config, registry);
  return estimatePlan({ config, plan, registry, baseDir: dir, cacheDir: dir, env: {}, rate: 1e12, ...more });
}

async function estimated(config: ComparisonConfig, more: object = {}) {
  const result = await estimate(config, more);
  if (!result.ok) throw new Error(result.notes.join("\n"));
  return result;
}

/** Bytes of the run folder. */
async function execute({ config, text }: ReturnType<typeof configOf>): Promise<number> {
  const result = await executeComparison({
    config,
    plan: planComparison(config, registry),
    registry,
    baseDir: dir,
    openTracker: (experiment) => openDiskTracker({ root: join(dir, "journal"), experiment }),
    trackingDescription: "disk",
    reporter: silentReporter,
    signal: new AbortController().signal,
    outputDir: await mkdtemp(join(dir, "runs-")),
    cacheDir: dir,
    configSource: text,
  });
  expect(result.failed).toEqual([]);
  const cells = join(result.folder, "cells");
  const files = await readdir(cells, { recursive: true });
  const sizes = await Promise.all(files.map((file) => stat(join(cells, file))));
  return sizes.reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}

describe("an estimate and what is really run", () => {
  it.each<[string, object]>([
    [
      "over two backbones: single, joint and combined rows, strata, a head from class means, five crops",
      {
        losses: [
          { use: "backdoor-strata", strata: { use: "k-means", clusters: 3 } },
          { use: "backdoor", mode: "joint" },
          { use: "backdoor", mode: "post-hoc" },
        ],
        head: { init: "class-mean" },
        evaluation: { tte: "five", expand: 2, batchSize: 16 },
      },
    ],
    [
      "an ensemble over seeds of the run, recomputation, micro-batches, shots, no KNN, the prior of the training images",
      {
        backbones: [{ use: "openclip", folder: "./two" }],
        losses: [{ use: "control", runs: 2 }],
        head: { init: "n-shot", shots: 1 },
        train: { epochs: 1, batchSize: 8, microBatchSize: 4, recompute: true },
        evaluation: { knn: { enabled: false }, priorFrom: "train", batchSize: 7 },
      },
    ],
  ])("%s", async (_what, changes) => {
    const one = configOf(changes);
    const { notes, estimate } = await estimated(one.config);
    expect(notes).toEqual([]);
    const bytes = await execute(one);
    const { training, evaluation } = estimate.time;
    expect(training.operations).toBe(done.operations);
    expect(training.seconds).toBeCloseTo(done.operations / 0.87e12, 9);
    expect(evaluation.images).toBe(done.evaluated);
    // Of models this small it is mostly names and headers of tensors, which are not counted.
    const ratio = total(estimate.disk.runFolder) / bytes;
    expect(ratio).toBeGreaterThan(1 / 2);
    expect(ratio).toBeLessThan(1.1);
  });
});

describe("what is known beforehand", () => {
  it("counts the data and takes shapes from the checkpoints", async () => {
    const { estimate } = await estimated(configOf({}).config);
    expect(estimate.sizes).toEqual({
      classes: 6,
      train: 48,
      validation: 18,
      test: 30,
      pixelBytes: 64,
      from: "files",
    });
    expect(estimate.disk.downloads).toEqual([]);
  });

  it("times real steps and batches", async () => {
    const { config } = configOf({ losses: ["ce", { use: "backdoor", mode: "joint" }] });
    const { time } = (await estimated(config, { measure: true })).estimate;
    expect(time.speed).toEqual({ from: "steps" });
    expect(done.steps).toBe(3 * 3);
    expect(
      time.cells.every(({ training, evaluation }) => training.seconds! > 0 && evaluation.seconds! > 0),
    ).toBe(true);
    expect(time.total.seconds).toBeCloseTo(time.training.seconds! + time.evaluation.seconds!, 9);
  });

  it("uses what is published of data and checkpoints that are not here, and says so", async () => {
    const { config } = configOf({
      dataset: { use: "imagenet-lt", root: "./nowhere" },
      backbones: [{ use: "clip", checkpoint: "vit-b-16" }],
      device: "cuda",
    });
    const { estimate, notes } = await estimated(config, {
      env: { HF_HOME: join(dir, "hub") },
      rate: undefined,
    });
    expect(notes).toEqual([expect.stringMatching(/^dataset imagenet-lt: .*nowhere.*published sizes$/)]);
    expect(estimate.sizes).toMatchObject({ classes: 1000, train: 115_846, from: "published" });
    expect(estimate.disk.downloads).toEqual([{ what: "clip", bytes: 149_620_737 * 4 }]);
    expect([estimate.time.speed, estimate.time.total.seconds]).toEqual([undefined, undefined]);
    expect(estimate.memory.device.length).toBeGreaterThan(0);
  });

  it("is not possible without sizes, which is no failure", async () => {
    const result = await estimate(
      configOf({
        dataset: { use: "image-folder", root: "./nowhere" },
        backbones: [{ use: "clip", folder: "./gone" }],
      }).config,
    );
    expect(result.ok).toBe(false);
    expect(result.notes).toEqual([
      expect.stringMatching(/^dataset image-folder: .*its sizes are not known without$/),
      expect.stringMatching(/^backbone clip: .*gone.*its shape is not known without$/),
    ]);
  });
});
