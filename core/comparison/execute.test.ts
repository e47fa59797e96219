import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyClip } from "../../test/support/tiny-clip.ts";
import { plugin as toy } from "../../test/support/toy-dataset.ts";
import { createContainer, resolve } from "../container/index.ts";
import { silentReporter } from "../container/reporter.ts";
import { openCheckpoint } from "../models/checkpoint/folder.ts";
import { type FillPixels, imageFeatures } from "../models/embed-images.ts";
import { classMeans, drawShots } from "../models/heads/class-mean.ts";
import { cropsTransform } from "../models/images/crops-transform.ts";
import { createImageStore, testTransform } from "../models/images/index.ts";
import { openDiskTracker } from "../tracking/disk-tracker.ts";
import { parseConfigDocument, validateConfig } from "./config/index.ts";
import { executeComparison } from "./execute.ts";
import { planComparison } from "./plan/index.ts";

const toyFile = fileURLToPath(new URL("../../test/support/toy-dataset.ts", import.meta.url));

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-execute-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs a comparison of the toy data on one tiny CLIP, in this process, with its runs on disk. */
async function run(changes: Readonly<Record<string, unknown>>) {
  const text = JSON.stringify({
    experiment: "toy",
    dataset: "toy",
    backbones: [{ use: "clip", folder: "./one" }],
    peft: "none",
    losses: ["ce"],
    threads: 1,
    ...changes,
  });
  const registry = resolve(await createContainer({ plugins: [toyFile], baseDir: dir }), "registry");
  const config = validateConfig(parseConfigDocument(text, "c.json", dir), registry);
  const lines: string[] = [];
  const result = await executeComparison({
    config,
    plan: planComparison(config, registry),
    registry,
    baseDir: dir,
    openTracker: (experiment) => openDiskTracker({ root: join(dir, "journal"), experiment }),
    trackingDescription: "disk",
    reporter: {
      ...silentReporter,
      line: (text) => lines.push(text),
      warn: (text) => lines.push(text),
    },
    signal: new AbortController().signal,
    outputDir: await mkdtemp(join(dir, "runs-")),
    cacheDir: dir,
    configSource: text,
  });
  expect(result.failed).toEqual([]);
  return { ...result, lines, cell: (loss: string) => result.rows.find((row) => row.loss === loss)! };
}

describe("what LIFT has beside its defaults", () => {
  it("two losses, a linear head from class means, two methods at once and five crops", async () => {
    const { rows, cell } = await run({
      losses: ["ldam", "lade"],
      peft: [
        { use: "adaptformer", bottleneck: 2 },
        { use: "lora", rank: 1 },
      ],
      head: { type: "linear", init: "class-mean" },
      prompt: "ensemble",
      train: { epochs: 2, batchSize: 8 },
      evaluation: { tte: "five", expand: 2, batchSize: 16 },
    });
    expect(rows.map(({ loss }) => loss)).toEqual(["zero-shot", "ldam", "lade"]);
    for (const { metrics } of rows) expect(metrics["test/overall"]).toBeGreaterThanOrEqual(0);
    // Stripes are learnt at once; one in six is chance.
    expect(cell("ldam").metrics["test/overall"]).toBeGreaterThan(0.25);
    // 6 × 16 weights and 6 biases of the head are among what is trained.
    expect(cell("lade").metrics.trainable_parameters).toBeGreaterThan(6 * 16 + 6);
  });

  it("a head that starts from shots predicts by them, with the mean logits of ten crops, before it is trained", async () => {
    const seed = 3;
    const { cell } = await run({
      seeds: [seed],
      head: { init: "n-shot", shots: 2 },
      train: { epochs: 1, batchSize: 8, optimizer: { use: "sgd", lr: 1e-12 } },
      evaluation: { tte: "ten", expand: 3, batchSize: 7 },
    });
    const checkpoint = await openCheckpoint(join(dir, "one"));
    const { width } = checkpoint.config.vision;
    const { train, test, classNames } = await toy.load({} as never, { head: 24, emptyClass: false });
    const classes = classNames.length;
    const embed = (fill: FillPixels, count: number) =>
      imageFeatures(checkpoint, fill, count, { batchSize: 50, threads: 1 });

    const trainStore = createImageStore(train.images, 1);
    const plain = testTransform(checkpoint.preprocessor);
    const rows = classMeans(
      {
        features: await embed((own, out) => trainStore.fillBatch(own, plain, out), train.images.length),
        labels: train.labels,
        classes,
        width,
      },
      drawShots(train.labels, classes, 2, seed),
    );
    // Every crop as an image of its own.
    const testStore = createImageStore(test.images, 1);
    const crops = cropsTransform(checkpoint.preprocessor, { crops: "ten", expand: 3 });
    const pixels = new Float32Array(test.images.length * 10 * 8 * 8);
    await testStore.fillBatch([...test.images.keys()], crops, pixels);
    const perCrop = await embed(async (own, out) => {
      for (let i = 0; i < own.length; i++) out.set(pixels.subarray(own[i]! * 64, (own[i]! + 1) * 64), i * 64);
    }, test.images.length * 10);
    let correct = 0;
    for (const [i, label] of test.labels.entries()) {
      const scores = new Float64Array(classes);
      for (let crop = 10 * i; crop < 10 * (i + 1); crop++) {
        const feature = perCrop.subarray(crop * width, (crop + 1) * width);
        for (let k = 0; k < classes; k++) {
          const row = rows.subarray(k * width, (k + 1) * width);
          scores[k]! += row.reduce((sum, value, d) => sum + value * feature[d]!, 0) / Math.hypot(...feature);
        }
      }
      correct += Number(scores.indexOf(Math.max(...scores)) === label);
    }
    const accuracy = correct / test.labels.length;
    expect(cell("ce").metrics["test/overall"]).toBeCloseTo(accuracy, 6);
    expect(accuracy).toBeGreaterThan(1 / classes);
  });

  it("a linear probe under a layer-normed head", async () => {
    const { cell, lines } = await run({
      head: { init: "linear-probe", type: "layer-normed" },
      train: { epochs: 1, batchSize: 8 },
    });
    expect(cell("ce").metrics["test/overall"]).toBeGreaterThan(1 / 6);
    expect(lines.join("\n")).toMatch(/clip: linear probe, \d+ iterations, gradient at \S+ of its start/);
  });
});
