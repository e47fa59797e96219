import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { requestSchema } from "./request-schema.ts";

const comparison = JSON.parse(
  readFileSync(new URL("../../schemas/comparison.schema.json", import.meta.url), "utf8"),
);
const offers = {
  datasets: ["icons"],
  backbones: ["small", "large"],
  losses: ["ce", { name: "backdoor" }, "backdoor-strata"],
  pefts: ["lora"],
  devices: ["cpu"],
};
const schema = requestSchema(comparison, offers, { epochs: 5 });
const check = new Ajv2020({ strict: false, discriminator: true, allErrors: true }).compile(schema);
const good = {
  dataset: "icons",
  backbones: ["small"],
  losses: [{ use: "ce" }, { use: "backdoor", mode: "joint", label: "mine" }],
  peft: [{ use: "lora", rank: 4 }],
  seeds: [0, 1],
  device: "cpu",
  train: { epochs: 2, optimizer: { use: "adamw", lr: 0.001 } },
};

describe("the schema of a request", () => {
  it("accepts what is offered, with the plugins' options", () => {
    expect(check(good), JSON.stringify(check.errors)).toBe(true);
  });

  it.each([
    ["a dataset that is not offered", { dataset: "other" }],
    ["a loss that exists, but is not offered", { losses: [{ use: "la" }] }],
    ["an option that the plugin's schema does not have", { losses: [{ use: "ce", tau: 1 }] }],
    ["an option outside its bounds", { peft: [{ use: "lora", rank: 0 }] }],
    ["an option of another optimizer", { train: { optimizer: { use: "adamw", momentum: 0.9 } } }],
    ["more epochs than the limit", { train: { epochs: 6 } }],
    ["a folder on the watcher's disk", { output: "/tmp/elsewhere" }],
    ["plugins to import", { plugins: ["./mine.mjs"] }],
  ])("refuses %s", (_what, change) => {
    expect(check({ ...good, ...change })).toBe(false);
  });

  it("has no references left and keeps titles and descriptions", () => {
    expect(JSON.stringify(schema)).not.toContain("$ref");
    const { train, losses } = schema.properties as {
      train: { properties: Record<string, unknown> };
      losses: { description: string; items: { oneOf: Record<string, unknown>[] } };
    };
    expect(train.properties.epochs).toEqual({
      ...comparison.properties.train.properties.epochs,
      maximum: 5,
    });
    expect(losses.description).toBe(comparison.properties.losses.description);
    const branches = losses.items.oneOf;
    expect(branches.map(({ title }) => title)).toEqual(["ce", "backdoor", "backdoor-strata"]);
    expect(branches.every(({ description }) => typeof description === "string")).toBe(true);
  });

  it("always offers what no plugin stands behind", () => {
    expect(check({ ...good, peft: [{ use: "none" }] }), JSON.stringify(check.errors)).toBe(true);
    expect(check({ ...good, peft: [{ use: "ssf" }] })).toBe(false);
  });

  it("resolves an option that is itself a choice by name", () => {
    const withStrata = (strata: unknown) => ({ ...good, losses: [{ use: "backdoor-strata", strata }] });
    expect(check(withStrata({ use: "k-means", clusters: 8 })), JSON.stringify(check.errors)).toBe(true);
    expect(check(withStrata({ use: "k-means", clusters: 0 }))).toBe(false);
  });
});
