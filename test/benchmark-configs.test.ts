import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseConfigDocument } from "../core/comparison/config/document.ts";
import { validateConfig } from "../core/comparison/config/index.ts";
import { planComparison } from "../core/comparison/plan/index.ts";
import { createContainer, resolve } from "../core/container/index.ts";

const folder = fileURLToPath(new URL("../examples/benchmarks/", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
const registry = resolve(await createContainer(), "registry");

test.each(files)("%s is the paper's recipe on three ViT-B/16, and plans", async (name) => {
  const text = await readFile(folder + name, "utf8");
  const config = validateConfig(parseConfigDocument(text, name), registry);
  const { train, head, backbones, losses, seeds } = config;
  expect(backbones.map(({ use, options }) => [use, options.checkpoint])).toEqual([
    ["clip", "vit-b-16"],
    ["openclip", expect.stringContaining("b-16")],
    ["metaclip", expect.stringContaining("b-16")],
  ]);
  // method.md §7: LIFT's recipe.
  expect(train).toMatchObject({
    epochs: name === "inat2018.yaml" ? 20 : 10,
    batchSize: 128,
    optimizer: { use: "sgd", options: { lr: 0.01, momentum: 0.9, weightDecay: 5e-4 } },
    schedule: "cosine",
  });
  expect(head).toMatchObject({ type: "cosine", scale: 25, init: "text" });
  const { cells } = planComparison(config, registry);
  const trained = losses.filter(({ options }) => options.mode !== "post-hoc").length;
  const combined = losses.length - trained;
  expect(cells).toHaveLength(seeds.length * (trained * backbones.length + combined));
});
