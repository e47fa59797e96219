import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, it } from "vitest";
import { OPTIMIZERS } from "../core/comparison/config/index.ts";
import { publishedComparisonSchema } from "../core/comparison/config/published-schema.ts";
import { createContainer, type PluginRegistry, resolve } from "../core/container/index.ts";
import { publishedFiles } from "../scripts/published-files.mts";

const root = fileURLToPath(new URL("../", import.meta.url));
const STALE = "run: npm run schemas";

let registry: PluginRegistry;
beforeAll(async () => {
  registry = resolve(await createContainer(), "registry");
});

describe("the committed schemas and configuration.md", () => {
  it("are what the sources give", async () => {
    const files = await publishedFiles();
    for (const [file, content] of files) {
      const committed = await readFile(path.join(root, file), "utf8").catch(() => "");
      // The formatter may have laid out the JSON differently.
      const [is, should] = file.endsWith(".json")
        ? [committed || "null", content].map((text) => JSON.parse(text))
        : [committed, content];
      expect(is, `${file}: ${STALE}`).toEqual(should);
    }
    const there = (await readdir(path.join(root, "schemas"), { recursive: true })).filter((name) =>
      name.endsWith(".json"),
    );
    expect(there.map((name) => `schemas/${name.replaceAll(path.sep, "/")}`).sort(), STALE).toEqual(
      [...files.keys()].filter((file) => file.startsWith("schemas/")).sort(),
    );
  });
});

describe("the published comparison schema", () => {
  const config = (changes: Readonly<Record<string, unknown>> = {}) => ({
    $schema: "./comparison.schema.json",
    experiment: "e",
    dataset: { use: "my-own", anything: 1 },
    backbones: ["my-own", { use: "my-own", label: "mine" }],
    peft: "none",
    losses: ["ce", { use: "la", tau: 2, label: "strong" }, { use: "third-party", x: [] }],
    train: { optimizer: { use: "adamw", beta1: 0.8 } },
    ...changes,
  });
  const validator = () =>
    new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(
      publishedComparisonSchema(registry),
    );

  it("accepts a full config, with plugins it does not know", () => {
    const validate = validator();
    expect([validate(config()), validate.errors]).toEqual([true, null]);
  });

  it.each([
    ["an option the plugin does not have", { losses: [{ use: "la", tua: 2 }] }],
    ["an option of the wrong type", { losses: [{ use: "la", tau: "2" }] }],
    ["a choice without a name", { losses: [{ tau: 2 }] }],
    ["an optimizer that does not exist", { train: { optimizer: "adam" } }],
    ["an option of another optimizer", { train: { optimizer: { use: "sgd", beta1: 0.5 } } }],
    ["a property that does not exist", { nope: 1 }],
  ])("refuses %s", (_what, changes) => {
    expect(validator()(config(changes))).toBe(false);
  });

  it("has a title and a description for every property of our own, and completes the built-in names", () => {
    const schema = publishedComparisonSchema(registry) as { $defs: Record<string, unknown> };
    const untold: string[] = [];
    const visit = (node: unknown, where: string): void => {
      if (typeof node !== "object" || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key === "properties") {
          for (const [name, property] of Object.entries(value as Record<string, unknown>)) {
            const { title, description } = property as { title?: string; description?: string };
            if (property !== true && !(title && description)) untold.push(`${where}/${name}`);
          }
        }
        // Options of plugins are their authors' business, and inside `if` nothing is shown.
        if (key !== "$defs" && key !== "if") visit(value, `${where}/${key}`);
      }
    };
    visit(schema, "");
    expect(untold).toEqual([]);
    const completed = JSON.stringify(schema.$defs.loss);
    for (const name of registry.names("loss")) expect(completed).toContain(`"${name}"`);
    for (const { options } of Object.values(OPTIMIZERS))
      expect(Object.keys(options.properties)).toContain("lr");
  });
});
