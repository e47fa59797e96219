import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyClip } from "../../../test/support/tiny-clip.ts";
import { plugin as toy } from "../../../test/support/toy-dataset.ts";
import { createContainer, type PluginRegistry, resolve } from "../../container/index.ts";
import { silentReporter } from "../../container/reporter.ts";
import {
  exportOnnx,
  exportPeftFolder,
  locateModel,
  openTrainedModel,
  readStrataFile,
} from "../../exchange/index.ts";
import { readSafetensorsHeader } from "../../models/checkpoint/safetensors.ts";
import { createImageStore, testTransform } from "../../models/images/index.ts";
import { openDiskTracker } from "../../tracking/disk-tracker.ts";
import { parseConfigDocument, validateConfig } from "../config/index.ts";
import { executeComparison } from "../execute.ts";
import { type Plan, planComparison } from "../plan/index.ts";
import { loadTestLogits } from "./predictions.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const plugins = [join(root, "test/support/toy-dataset.ts"), "./one-stratum.mjs"];

/** A third party's source: the head itself is the only stratum. */
const ONE_STRATUM = `
export const plugin = { kind: "strata", name: "one-stratum", summary: "The head alone",
  options: { type: "object", properties: {}, additionalProperties: false },
  estimate: async ({ seed }) => ({ masses: Float32Array.of(1), tensors: { seed: { shape: [1], data: Float32Array.of(seed) } } }),
  conditionals: (g, { features, head }) => [{ logits: head(features), mass: 1 }] };
`;

let dir: string;
let registry: PluginRegistry;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-strata-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
  await writeFile(join(dir, "one-stratum.mjs"), ONE_STRATUM);
  registry = resolve(await createContainer({ plugins, baseDir: dir }), "registry");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("in a comparison", () => {
  /** Runs or resumes a comparison of toy data on one tiny CLIP, stopped at its n-th batch of training where asked to. */
  async function run(
    losses: readonly unknown[],
    { resume, stopAt }: { resume?: string; stopAt?: number } = {},
  ) {
    const text = JSON.stringify({
      experiment: "strata",
      dataset: "toy",
      backbones: [{ use: "clip", folder: "./one" }],
      peft: { use: "adaptformer", bottleneck: 2 },
      losses,
      train: { epochs: 2, batchSize: 8 },
      threads: 1,
    });
    const config = validateConfig(parseConfigDocument(text, "c.json", dir), registry);
    const plan = planComparison(config, registry);
    const stop = new AbortController();
    const outputDir = resume ?? (await mkdtemp(join(dir, "runs-")));
    const lines: string[] = [];
    let advanced = 0;
    const running = executeComparison({
      config,
      plan,
      registry,
      baseDir: dir,
      openTracker: (experiment) => openDiskTracker({ root: join(dir, "journal"), experiment }),
      trackingDescription: "disk",
      reporter: {
        ...silentReporter,
        line: (text) => void lines.push(text),
        stage: (label, total, unit) => ({
          ...silentReporter.stage(label, total, unit),
          advance: () => {
            if (/seed 0$/.test(label) && ++advanced === stopAt) stop.abort();
          },
        }),
      },
      signal: stop.signal,
      outputDir,
      cacheDir: dir,
      configSource: text,
      ...(resume === undefined ? {} : { resume }),
    });
    if (stopAt !== undefined) {
      await expect(running).rejects.toThrow(/stopped at step/);
      const [name] = await readdir(outputDir);
      return { path: join(outputDir, name!), plan, rows: [], lines };
    }
    const { rows, failed, folder } = await running;
    expect(failed).toEqual([]);
    return { path: folder, plan, rows, lines };
  }
  const cellOf = ({ path, plan }: { path: string; plan: Plan }, at = 0) =>
    join(path, "cells", plan.cells[at]!.key);
  const adapters = async (cell: string) => {
    const [step] = await readdir(join(cell, "checkpoints"));
    return (await readFile(join(cell, "checkpoints", step!, "adapters.safetensors"))).toString("hex");
  };
  const kMeans = { use: "backdoor-strata", strata: { use: "k-means", clusters: 3 } };

  it("keeps and logs the strata, and a cell that was stopped goes on with them", async () => {
    const whole = await run([kMeans]);
    const { found } = (await readStrataFile(cellOf(whole)))!;
    expect(found.tensors.centroids!.shape).toEqual([3, 16]);
    expect(found.masses.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    const runs = await readdir(join(dir, "journal"));
    const logged = runs
      .map((id) => join(dir, "journal", id, "artifacts", "strata"))
      .filter((path) => existsSync(path));
    expect(logged).toHaveLength(1);
    const described = JSON.parse(await readFile(join(logged[0]!, "strata.json"), "utf8"));
    expect(described).toMatchObject({ use: "k-means", options: { clusters: 3 }, seed: 0, backbone: "clip" });
    expect(await readFile(join(logged[0]!, "strata.safetensors"))).toEqual(
      await readFile(join(cellOf(whole), "strata.safetensors")),
    );

    const stopped = await run([kMeans], { stopAt: 4 });
    const resumed = await run([kMeans], { resume: stopped.path });
    const estimated = (lines: readonly string[]) => lines.filter((line) => /estimating/.test(line)).length;
    expect([estimated(stopped.lines), estimated(resumed.lines)]).toEqual([1, 0]);
    expect(await adapters(cellOf(resumed))).toBe(await adapters(cellOf(whole)));
  });

  it("takes a third party's source by name; with the head as its only stratum it is la", async () => {
    const losses = ["la", { use: "backdoor-strata", strata: "one-stratum" }];
    const { rows, ...both } = await run(losses);
    const metrics = (loss: string) => rows.find((row) => row.loss === loss)!.metrics;
    expect(metrics("backdoor-strata")["test/overall"]).toBe(metrics("la")["test/overall"]);
    expect(metrics("backdoor-strata").trainable_parameters).toBe(metrics("la").trainable_parameters);
    const header = await readSafetensorsHeader(join(cellOf(both, 1), "strata.safetensors"));
    expect([...header.tensors.keys()].sort()).toEqual(["masses", "tensor.seed", "texts"]);
  });

  it("exports classifiers that compute the test logits of their runs, and none without its strata", async () => {
    const losses = [
      { ...kMeans, label: "a" },
      { use: "backdoor-strata", strata: { use: "class-wise", normalize: true }, label: "b" },
      { use: "backdoor-strata", strata: { use: "dimension-sets", sets: 4, threshold: 0.1 }, label: "c" },
    ];
    const { rows: _rows, ...trained } = await run(losses);
    const sources = {
      peft: (name: string) => registry.get("peft", name),
      loss: (name: string) => registry.get("loss", name),
      strata: (name: string) => registry.get("strata", name),
    };
    const open = async (cell: string) =>
      openTrainedModel(await locateModel(cell), { plugins: sources, env: {} });
    const { test, classNames } = await toy.load(undefined as never, { head: 24, emptyClass: false });
    const pixels = new Float32Array(test.images.length * 64);
    for (const [at] of losses.entries()) {
      const cell = cellOf(trained, at);
      const model = await open(cell);
      const { preprocessor } = model.members[0]!.checkpoint;
      const store = createImageStore(test.images, 1);
      await store.fillBatch([...test.images.keys()], testTransform(preprocessor), pixels);
      const file = join(cell, "model.onnx");
      await exportOnnx(model, file);
      const session = await InferenceSession.create(file);
      const feed = { pixel_values: new Tensor("float32", pixels, [test.images.length, 1, 8, 8]) };
      const logits = (await session.run(feed)).logits!.data as Float32Array;
      await session.release();
      const expected = await loadTestLogits(cell);
      expect(expected.length).toBe(test.images.length * classNames.length);
      const largest = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - logits[i]!)), 0);
      expect(largest).toBeLessThan(1e-4);
      await expect(exportPeftFolder(model, model.members[0]!, join(cell, "peft"))).rejects.toThrow(
        /strata inside its backbone, which a PEFT folder cannot hold/,
      );
    }
    await rm(join(cellOf(trained), "strata.safetensors"));
    await expect(open(cellOf(trained))).rejects.toThrow(/trained with strata \(k-means\) but has no strata/);
  });
});
