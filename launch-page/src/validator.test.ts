import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { explain } from "../../core/container/schema/explain.ts";
import { requestSchema } from "../../core/launch-page/request-schema.ts";
import { createValidator } from "./validator.ts";

const comparison = JSON.parse(
  readFileSync(new URL("../../schemas/comparison.schema.json", import.meta.url), "utf8"),
);
const schema = requestSchema(comparison, {
  datasets: ["icons"],
  backbones: ["small", "large"],
  losses: ["ce", "la", "backdoor", "backdoor-strata"],
  pefts: ["lora"],
  devices: ["cpu"],
});
const good = {
  dataset: "icons",
  backbones: ["small"],
  losses: [{ use: "la", tau: 2 }],
  peft: [{ use: "lora", rank: 4 }],
  seeds: [0, 1],
  train: { optimizer: { use: "sgd" } },
};
const validator = createValidator();
const told = (data: unknown) =>
  validator.validateFormData(data, schema).errors.map(({ property, message }) => `${property}: ${message}`);

const bad: readonly [string, object][] = [
  ["a name that is not offered", { dataset: "other" }],
  ["a missing property", { seeds: undefined }],
  ["a number out of bounds", { train: { epochs: 0 } }],
  ["a bound that is itself excluded", { head: { scale: 0 } }],
  ["a fraction", { seeds: [0.5] }],
  ["text for a number", { seeds: ["x"] }],
  ["entries twice", { backbones: ["small", "small"] }],
  ["an empty list", { losses: [] }],
  ["a property that is unknown", { output: "/tmp" }],
  ["an empty name", { name: "" }],
  ["a prompt without a place for the name", { prompt: "no place" }],
  ["none of several forms", { peft: [{ use: "lora", blocks: "all" }] }],
  ["several at once", { dataset: "other", train: { epochs: -1, batchSize: 1.5 }, seeds: [] }],
];

describe("the form's validator", () => {
  it("has nothing to say of a good request", () => {
    expect(told(good)).toEqual([]);
    expect(validator.isValid(schema, good, schema)).toBe(true);
  });

  it.each(bad)("says of %s what the command line says", (_what, change) => {
    const data = JSON.parse(JSON.stringify({ ...good, ...change }));
    const check = new Ajv2020({ strict: false, discriminator: true, allErrors: true, verbose: true }).compile(
      schema,
    );
    check(data);
    const expected = explain(check.errors ?? []).map(({ path, problem, hint }) => {
      const property = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
      return `${property}: ${problem}${hint ? `; ${hint}` : ""}`;
    });
    expect(expected.length).toBeGreaterThan(0);
    expect(told(data).sort()).toEqual(expected.sort());
    expect(validator.isValid(schema, data, schema)).toBe(false);
  });

  it("speaks of the chosen branch alone", () => {
    expect(told({ ...good, losses: [{ use: "la", tau: "x" }] })).toEqual([
      '.losses[0].tau: must be a number, but is "x"',
    ]);
    expect(told({ ...good, losses: [{ use: "ce", tau: 1 }] })).toEqual([
      expect.stringContaining('.losses[0].tau: unknown property "tau"'),
    ]);
    expect(told({ ...good, losses: [{ use: "mine" }] })).toEqual([
      expect.stringContaining('.losses[0].use: "mine" is not one of the allowed values'),
    ]);
  });
});
