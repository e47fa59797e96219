import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromForm, toForm } from "./form-data.ts";
import { requestSchema } from "./request-schema.ts";

const comparison = JSON.parse(
  readFileSync(new URL("../../schemas/comparison.schema.json", import.meta.url), "utf8"),
);
const schema = requestSchema(comparison, {
  datasets: ["icons"],
  backbones: ["small", "large"],
  losses: ["ce", "la", "backdoor-strata"],
  pefts: ["lora", "ssf", "none"],
  devices: ["cpu"],
});

describe("a config in the form and back", () => {
  it.each([
    {
      dataset: "icons",
      backbones: ["small"],
      losses: ["ce", { use: "la", tau: 2 }],
      peft: "none",
      seeds: [0],
    },
    { dataset: "icons", backbones: ["large", "small"], losses: ["la"], peft: ["lora", "ssf"], seeds: [3, 4] },
    {
      dataset: "icons",
      backbones: ["small"],
      losses: [{ use: "backdoor-strata", strata: { use: "k-means", clusters: 8 } }],
      peft: { use: "lora", rank: 2 },
      seeds: [0],
      train: { epochs: 3, optimizer: { use: "adamw", lr: 0.5 } },
    },
  ])("is the same: %o", (config) => {
    const { data, leftOut } = toForm(schema, config);
    expect(leftOut).toEqual([]);
    expect(fromForm(schema, data)).toEqual(config);
  });

  it("leaves out what is the schema's default anyway", () => {
    const filled = {
      dataset: "icons",
      backbones: ["small"],
      losses: [{ use: "la", tau: 1 }],
      peft: [{ use: "none" }],
      seeds: [0],
      device: "cpu",
      head: { type: "cosine" },
      train: { epochs: 10, batchSize: 128, optimizer: { use: "sgd", lr: 0.01 }, augment: { flip: true } },
    };
    expect(fromForm(schema, filled)).toEqual({
      dataset: "icons",
      backbones: ["small"],
      losses: ["la"],
      peft: "none",
      seeds: [0],
    });
  });

  it("takes a run's config.resolved.json, naming what the watcher does not offer", () => {
    const resolved = {
      experiment: "e",
      name: "n",
      dataset: { use: "image-folder", label: "icons", options: { root: "/data" } },
      backbones: [
        { use: "clip", label: "small", options: {} },
        { use: "clip", options: { folder: "x" } },
      ],
      peft: [],
      losses: [
        { use: "la", options: { tau: 3 } },
        { use: "mine", options: {} },
      ],
      seeds: [1],
      prompts: ["a {}."],
      train: { epochs: 2, optimizer: { use: "sgd", options: { lr: 1 } } },
      output: "/somewhere",
      extra: 1,
    };
    expect(toForm(schema, resolved)).toEqual({
      data: {
        name: "n",
        dataset: "icons",
        backbones: ["small"],
        losses: [{ use: "la", tau: 3 }],
        peft: [{ use: "none" }],
        seeds: [1],
        prompt: "a {}.",
        train: { epochs: 2, optimizer: { use: "sgd", lr: 1 } },
      },
      leftOut: ['"extra"', 'the backbone "clip"', 'the loss "mine"'],
    });
  });
});
