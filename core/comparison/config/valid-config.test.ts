import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TempFolder } from "../../../test/support/plugin-folder.ts";
import { MINIMAL, toyRegistry } from "../../../test/support/toy-config.ts";
import type { PluginRegistry } from "../../container/index.ts";
import { planComparison } from "../plan/index.ts";
import {
  type ComparisonConfig,
  loadConfig,
  parseConfigDocument,
  pluginsNamedBy,
  validateConfig,
} from "./index.ts";

let folder: TempFolder;
let registry: PluginRegistry;

beforeAll(async () => {
  ({ folder, registry } = await toyRegistry());
});
afterAll(() => folder.remove());

const check = (text: string) => validateConfig(parseConfigDocument(text, "c.yaml"), registry);

describe("validateConfig", () => {
  it("fills in every default of a minimal config", () => {
    expect(check(MINIMAL)).toEqual({
      experiment: "toy",
      name: "toy",
      dataset: { use: "toy-data", options: { ratio: 100 } },
      backbones: [{ use: "toy-a", options: { width: 8 } }],
      peft: [],
      losses: [{ use: "ce", options: {} }],
      seeds: [0],
      head: { type: "cosine", scale: 25, init: "text" },
      prompts: ["a photo of a {}."],
      train: {
        epochs: 10,
        batchSize: 128,
        recompute: false,
        optimizer: { use: "sgd", options: { lr: 0.01, momentum: 0.9, weightDecay: 5e-4 } },
        schedule: "cosine",
        augment: { crop: "random-resized", scale: [0.08, 1], ratio: [3 / 4, 4 / 3], flip: true },
      },
      evaluation: {
        batchSize: 64,
        thresholds: { many: 100, few: 20 },
        priorFrom: "validation",
        tte: "none",
        expand: 24,
        preprocessing: "checkpoint",
        knn: { enabled: true, k: 200, temperature: 0.1 },
      },
      device: "cpu",
      output: ".dualtail/runs",
      plugins: [],
    });
  });

  it("takes a number of image workers, which no cell's id depends on", () => {
    const config = check(`${MINIMAL}images: { workers: 3 }\n`);
    expect(config.images).toEqual({ workers: 3 });
    const ids = (of: ComparisonConfig) => planComparison(of, registry).cells.map(({ id }) => id);
    expect(ids(config)).toEqual(ids(check(MINIMAL)));
  });

  it("takes choices with options, labels, anchors and several prompts", () => {
    const config = check(`
experiment: toy
name: both
dataset: &data { use: toy-data, ratio: 10 }
backbones: [toy-a, { use: toy-b, folder: x, label: B }]
peft: { use: lora, rank: 2 }
losses: [la, { use: la, tau: 2 }]
prompt: ["a {}.", "the {}."]
seeds: [3, 1]
train: { optimizer: { use: adamw, weightDecay: 0.1 }, microBatchSize: 32 }
`);
    expect(config.dataset.options).toEqual({ ratio: 10 });
    expect(config.backbones[1]).toEqual({ use: "toy-b", label: "B", options: { folder: "x" } });
    expect(config.peft).toMatchObject([{ use: "lora", options: { rank: 2 } }]);
    expect(config.losses.map(({ options }) => options.tau)).toEqual([1, 2]);
    expect(config.prompts).toEqual(["a {}.", "the {}."]);
    expect(config.train.optimizer).toEqual({
      use: "adamw",
      options: { lr: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 },
    });
  });

  it("takes a list of PEFT methods, another head and a test-time ensemble", () => {
    const config = check(`
${MINIMAL.replace("peft: none", "peft: [adaptformer, { use: lora, rank: 2 }]")}
head: { type: linear, init: n-shot, shots: 10 }
evaluation: { tte: ten, expand: 32 }
`);
    expect(config.peft).toMatchObject([{ use: "adaptformer" }, { use: "lora", options: { rank: 2 } }]);
    expect(config.head).toEqual({ type: "linear", scale: 25, init: "n-shot", shots: 10 });
    expect(config.evaluation).toMatchObject({ tte: "ten", expand: 32 });
  });

  it("knows prompt sets by name", () => {
    const prompts = (prompt: string) => check(`${MINIMAL}prompt: ${prompt}`).prompts;
    expect(prompts("default")).toEqual(["a photo of a {}."]);
    expect(prompts("class-name")).toEqual(["{}"]);
    const ensemble = prompts("ensemble");
    expect(ensemble).toHaveLength(80);
    expect(ensemble).toContain("itap of a {}.");
    expect(ensemble.every((template) => template.includes("{}"))).toBe(true);
    expect(prompts('"default {}"')).toEqual(["default {}"]);
  });

  it("reads JSON, with positions", async () => {
    const json = {
      experiment: "toy",
      dataset: "toy-data",
      backbones: ["toy-a"],
      peft: "none",
      losses: ["ce"],
      train: { epochs: 2 },
    };
    const file = await folder.write("c.json", JSON.stringify(json));
    expect((await loadConfig(file, registry)).train.epochs).toBe(2);
    const wrong = await folder.write("w.json", JSON.stringify({ ...json, train: { epohcs: 2 } }, null, 2));
    await expect(loadConfig(wrong, registry)).rejects.toThrow(
      /w\.json:12:5: \/train\/epohcs: unknown property/,
    );
  });

  it("does not let one config's defaults leak into the next", () => {
    (check(MINIMAL).train.augment.scale as unknown as number[])[0] = 99;
    expect(check(MINIMAL).train.augment.scale[0]).toBe(0.08);
  });

  it("gives what plugins a config names, even if other things in it are wrong", () => {
    const named = (text: string) => pluginsNamedBy(parseConfigDocument(text, "c.yaml"));
    expect(named("plugins: [./a.mjs, b]\nlosses: 3\n")).toEqual(["./a.mjs", "b"]);
    expect(named("nonsense: true")).toEqual([]);
    expect(() => named("plugins: ./a.mjs")).toThrow(
      /c\.yaml:1:10: \/plugins: must be a list, but is "\.\/a\.mjs"/,
    );
  });
});
