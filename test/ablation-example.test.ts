import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseConfigDocument } from "../core/comparison/config/document.ts";
import { type ComparisonConfig, validateConfig } from "../core/comparison/config/index.ts";
import { planComparison } from "../core/comparison/plan/index.ts";
import { createContainer, resolve } from "../core/container/index.ts";

const registry = resolve(await createContainer(), "registry");
const load = async (name: string): Promise<ComparisonConfig> => {
  const file = fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
  return validateConfig(parseConfigDocument(await readFile(file, "utf8"), name), registry);
};

test("the ablation is the demo with more rows, more seeds and the control, and plans", async () => {
  const [config, demo] = [await load("ablation.yaml"), await load("demo.yaml")];
  for (const part of ["dataset", "backbones", "peft", "head", "prompts", "train", "evaluation"] as const) {
    expect(config[part], part).toEqual(demo[part]);
  }
  const { cells } = planComparison(config, registry);
  const [seeds, backbones] = [config.seeds.length, config.backbones.length];
  const recipes = config.losses.map(({ use, options }) => registry.get("loss", use).recipe(options as never));
  // Nothing is implied but the control's extra runs, which its two spaces share.
  const cellsOf = recipes.map((recipe) => {
    if (recipe.mode === "single") return seeds * backbones;
    if (recipe.mode === "joint" || recipe.over === undefined) return seeds;
    return recipe.base === undefined ? backbones : seeds * backbones;
  });
  const extra = cells.filter(({ extraSeed }) => extraSeed);
  expect(extra).toHaveLength(seeds * backbones * (backbones - 1));
  expect(cells).toHaveLength(cellsOf.reduce((sum, count) => sum + count, 0) + extra.length);
  expect(cells.filter(({ implied }) => implied)).toEqual(extra);

  // Equal compute: control and backdoor combine equally many runs of the same loss and in the same spaces.
  const combined = (name: string) =>
    cells.filter(({ loss, kind }) => loss.name === name && kind === "post-hoc");
  const spaces = (name: string) => [...new Set(combined(name).map(({ loss }) => loss.options.space))].sort();
  expect(spaces("control")).toEqual(spaces("backdoor"));
  const byId = new Map(cells.map((cell) => [cell.id, cell]));
  for (const cell of [...combined("control"), ...combined("backdoor")]) {
    const runs = cell.dependsOn.map((id) => byId.get(id)!);
    expect(runs.map(({ loss }) => loss.name)).toEqual(Array(backbones).fill("la"));
  }
});

test.each(["full-fine-tuning", "class-mean-head", "random-head"])(
  "%s is the ablation but for what it is named after",
  async (name) => {
    const [config, ablation] = [await load(`beside/${name}.yaml`), await load("ablation.yaml")];
    for (const part of ["experiment", "dataset", "seeds", "prompts", "evaluation"] as const) {
      expect(config[part], part).toEqual(ablation[part]);
    }
    const own = ablation.losses.map(({ label, use }) => label ?? use);
    expect(own).toEqual(expect.arrayContaining(config.losses.map(({ label, use }) => label ?? use)));
    const differs = (["peft", "head", "train"] as const).filter(
      (part) => JSON.stringify(config[part]) !== JSON.stringify(ablation[part]),
    );
    expect(differs).toEqual(name === "full-fine-tuning" ? ["peft", "train"] : ["head"]);
  },
);
