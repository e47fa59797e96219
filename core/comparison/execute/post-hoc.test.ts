import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyClip } from "../../../test/support/tiny-clip.ts";
import { createContainer, type PluginRegistry, resolve } from "../../container/index.ts";
import { silentReporter } from "../../container/reporter.ts";
import { locateModel, openTrainedModel } from "../../exchange/index.ts";
import { openDiskTracker } from "../../tracking/disk-tracker.ts";
import { parseConfigDocument, validateConfig } from "../config/index.ts";
import { executeComparison } from "../execute.ts";
import type { ComparisonResult } from "../execution-types.ts";
import { type Plan, planComparison } from "../plan/index.ts";
import { loadTestLogits } from "./predictions.ts";

const toyFile = fileURLToPath(new URL("../../../test/support/toy-dataset.ts", import.meta.url));
const ROWS = ["zero-shot-debiased", "naive-ensemble", "gla", "control", "backdoor-gla"];
const RUNS = 3;

let dir: string;
let registry: PluginRegistry;
let plan: Plan;
let result: ComparisonResult;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-post-hoc-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
  await makeTinyClip(join(dir, "two"), { channels: 1, seed: 2 });
  const text = JSON.stringify({
    experiment: "toy",
    dataset: "toy",
    backbones: [
      { use: "clip", folder: "./one" },
      { use: "openclip", folder: "./two" },
    ],
    peft: "none",
    losses: ["la", ...ROWS.map((use) => (use === "control" ? { use, space: "logit", runs: RUNS } : { use }))],
    seeds: [0, 1],
    threads: 1,
    train: { epochs: 1, batchSize: 8, optimizer: { use: "sgd", lr: 0.02 } },
  });
  registry = resolve(await createContainer({ plugins: [toyFile], baseDir: dir }), "registry");
  const config = validateConfig(parseConfigDocument(text, "c.json", dir), registry);
  plan = planComparison(config, registry);
  result = await executeComparison({
    config,
    plan,
    registry,
    baseDir: dir,
    openTracker: (experiment) => openDiskTracker({ root: join(dir, "journal"), experiment }),
    trackingDescription: "disk",
    reporter: silentReporter,
    signal: new AbortController().signal,
    outputDir: join(dir, "runs"),
    cacheDir: dir,
    configSource: text,
  });
  expect(result.failed).toEqual([]);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const cellOf = (loss: string) =>
  plan.cells.find(({ loss: own, extraSeed }) => own.name === loss && !extraSeed)!;
const folderOf = (loss: string) => join(result.folder, "cells", cellOf(loss).key);
const open = async (folder: string) =>
  openTrainedModel(await locateModel(folder), {
    env: {},
    plugins: {
      peft: (name) => registry.get("peft", name),
      loss: (name) => registry.get("loss", name),
      strata: (name) => registry.get("strata", name),
    },
  });

describe("rows that are combined after training", () => {
  it("are rows of the result, and the extra seeds are not", async () => {
    const seedsOf = (loss: string) => result.rows.filter((row) => row.loss === loss).map(({ seed }) => seed);
    expect(seedsOf("la")).toEqual([0, 0, 1, 1]);
    expect(seedsOf("zero-shot-debiased")).toEqual([undefined, undefined]);
    for (const loss of ["naive-ensemble", "gla", "control"]) expect(seedsOf(loss)).toEqual([0, 0, 1, 1]);
    expect(seedsOf("backdoor-gla")).toEqual([0, 1]);
    for (const { metrics } of result.rows) expect(metrics["test/overall"]).toBeGreaterThanOrEqual(0);
    const { rows } = JSON.parse(await readFile(join(result.folder, "comparison.json"), "utf8"));
    const la = rows.filter(({ loss }: { loss: string }) => loss === "la");
    expect(la.map(({ runs, seeds }: { runs: number; seeds: number[] }) => [runs, seeds])).toEqual([
      [2, [0, 1]],
      [2, [0, 1]],
    ]);
  });

  it("a control is made of runs that differ", async () => {
    const runs = await Promise.all(
      cellOf("control").dependsOn.map((id) => {
        const { key } = plan.cells.find((cell) => cell.id === id)!;
        return loadTestLogits(join(result.folder, "cells", key));
      }),
    );
    expect(runs).toHaveLength(RUNS);
    expect(new Set(runs.map((run) => run.join())).size).toBe(RUNS);
  });

  it("a control opens as the models it combines, each with its own parameters and an equal mass", async () => {
    const { members, strataPrior } = await open(folderOf("control"));
    expect(strataPrior).toEqual(Array(RUNS).fill(1 / RUNS));
    const weights = members.map(({ params }) => [...params.values()].map(({ data }) => data.join()).join());
    expect(new Set(weights).size).toBe(RUNS);
  });

  it.each(ROWS.filter((loss) => loss !== "control"))(
    "%s is refused where it would be exported",
    async (loss) => {
      await expect(open(folderOf(loss))).rejects.toThrow(
        /zero-shot logits or priors, which an exported model/,
      );
    },
  );
});
