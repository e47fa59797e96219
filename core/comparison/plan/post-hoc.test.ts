import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TempFolder, TOY_PLUGINS, tempFolder } from "../../../test/support/plugin-folder.ts";
import { createContainer, type PluginRegistry, resolve } from "../../container/index.ts";
import { parseConfigDocument, validateConfig } from "../config/index.ts";
import { describePlan, type Plan, planComparison, planWarnings, strataCount } from "./index.ts";
import { seedOfRun } from "./post-hoc.ts";

/** A post-hoc loss whose recipe is its options. */
const TOY_RECIPES = `
const any = { type: "object", additionalProperties: false, properties: { recipe: { type: "object", default: {} } } };
export const plugins = ["toy-recipe", "toy-other"].map((name) => ({ kind: "loss", name, summary: "A recipe", options: any,
  recipe: ({ recipe }) => ({ mode: "post-hoc", predict() {}, ...recipe }) }));
`;

let folder: TempFolder;
let registry: PluginRegistry;
beforeAll(async () => {
  folder = await tempFolder();
  await folder.write("toy.mjs", TOY_PLUGINS);
  await folder.write("recipes.mjs", TOY_RECIPES);
  const plugins = ["./toy.mjs", "./recipes.mjs"];
  registry = resolve(await createContainer({ plugins, baseDir: folder.path }), "registry");
});
afterAll(() => folder.remove());

const THREE = [
  { use: "toy-a", label: "toy-a" },
  { use: "toy-b", folder: "b" },
  { use: "toy-a", width: 9, label: "wide" },
];
const BASE = { experiment: "toy", dataset: "toy-data", backbones: THREE, peft: "none" };
const planOf = (changes: Readonly<Record<string, unknown>>): Plan =>
  planComparison(
    validateConfig(parseConfigDocument(JSON.stringify({ ...BASE, ...changes }), "c.json"), registry),
    registry,
  );
const recipe = (content: object, use = "toy-recipe") => ({ use, recipe: content });
const la = { use: "la", tau: 1 };
const SEEDS = recipe({ base: la, over: "seeds" });
const FROZEN = recipe({ over: "one", needs: ["zeroShot", "pretrainPrior"] });

describe("a post-hoc loss over one backbone", () => {
  it("has a cell per backbone, from the run of that backbone", () => {
    const { cells } = planOf({ losses: ["la", recipe({ base: la, over: "one" })] });
    const [runs, rows] = [cells.slice(0, 3), cells.slice(3)];
    expect(rows.map(({ backbones }) => backbones)).toEqual(runs.map(({ backbones }) => backbones));
    expect(rows.map(({ dependsOn }) => dependsOn)).toEqual(runs.map(({ id }) => [id]));
    expect(rows.map(strataCount)).toEqual([1, 1, 1]);
  });

  it("without a base is planned once for all seeds, and trains nothing", () => {
    const plan = planOf({ losses: [FROZEN], seeds: [3, 4] });
    expect(plan.cells.map(({ label, dependsOn, kind }) => [label, dependsOn, kind])).toEqual(
      ["toy-a", "toy-b", "wide"].map((name) => [`toy-recipe · ${name}`, [], "post-hoc"]),
    );
    // The same cells whichever the seeds are.
    expect(planOf({ losses: [FROZEN], seeds: [9] }).cells.map(({ id }) => id)).toEqual(
      plan.cells.map(({ id }) => id),
    );
    expect(plan.cells.every(({ needsPretrainPrior }) => needsPretrainPrior)).toBe(true);
    const { text, json } = describePlan(plan);
    expect(text).toContain("3 cells: 0 to train, 0 to combine from trained ones, 3 from frozen models alone");
    expect(json.cells.some((cell) => "seed" in cell)).toBe(false);
  });
});

describe("a post-hoc loss over seeds", () => {
  it("combines the base's run with extra ones, as many as there are backbones in all", () => {
    const { cells } = planOf({ losses: ["la", SEEDS], seeds: [0, 1] });
    const byId = new Map(cells.map((cell) => [cell.id, cell]));
    for (const cell of cells.filter(({ loss }) => loss.name === "toy-recipe")) {
      const runs = cell.dependsOn.map((id) => byId.get(id)!);
      expect(runs.map(({ seed }) => seed)).toEqual([0, 1, 2].map((j) => cell.seed + 1_000_003 * j));
      expect(runs.map(({ extraSeed, implied }) => [extraSeed, implied])).toEqual([
        [false, false],
        [true, true],
        [true, true],
      ]);
      for (const run of runs) expect(run).toMatchObject({ backbones: cell.backbones, loss: { name: "la" } });
    }
    expect(cells.filter(({ loss }) => loss.name === "toy-recipe")).toHaveLength(2 * 3);
  });

  it("takes at least two runs, or as many as it says", () => {
    const runsOf = (own: object, backbones: unknown[]) =>
      planOf({ losses: [recipe({ base: la, over: "seeds", ...own })], backbones }).cells.at(-1)!.dependsOn
        .length;
    expect(runsOf({}, ["toy-a"])).toBe(2);
    expect(runsOf({}, THREE)).toBe(3);
    expect(runsOf({ runs: 5 }, ["toy-a"])).toBe(5);
  });

  it("shares its extra runs with another over the same base", () => {
    const other = recipe({ base: la, over: "seeds" }, "toy-other");
    const trained = (losses: unknown[]) =>
      planOf({ losses })
        .cells.filter(({ kind }) => kind === "single")
        .map(({ id }) => id);
    expect(trained([SEEDS, other])).toEqual(trained([SEEDS]));
  });

  it("gives an extra run the id that the same seed has when it is listed", () => {
    const extra = planOf({ losses: [SEEDS] }).cells.filter(({ extraSeed }) => extraSeed);
    const listed = planOf({ losses: ["la"], seeds: [1_000_003, 2_000_006] }).cells;
    expect(extra.map(({ id }) => id).sort()).toEqual(listed.map(({ id }) => id).sort());
  });

  it("shows the extra runs in the plan, apart from what is implied otherwise", () => {
    const { text } = describePlan(planOf({ losses: [SEEDS], backbones: ["toy-a"] }));
    expect(text).toContain(
      "3 cells: 2 to train, 1 to combine from trained ones (2 implied by others, 1 of them extra seeds, which are no rows of the table)",
    );
    expect(text).toMatch(/train\s+la\s+toy-a\s+1000003\s+extra seed\n/);
  });

  it("never has a run in common between two seeds, or refuses them", () => {
    const seeds = fc.uniqueArray(
      fc.oneof(
        fc.nat(20),
        fc.constantFrom(1_000_003, 2_000_006, 3_000_010, 2 ** 32 - 1, 2 ** 32 - 1_000_002),
      ),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(seeds, fc.integer({ min: 2, max: 4 }), (own, runs) => {
        const all = own.flatMap((seed) => Array.from({ length: runs }, (_, j) => seedOfRun(seed, j)));
        const losses = [recipe({ base: la, over: "seeds", runs })];
        const plan = () => planOf({ losses, seeds: own, backbones: ["toy-a"] });
        if (new Set(all).size < all.length) {
          expect(plan).toThrow(/would combine the run of seed/);
          return;
        }
        const { cells } = plan();
        const used = cells.flatMap(({ dependsOn }) => dependsOn);
        expect(new Set(used).size).toBe(own.length * runs);
        expect(
          cells
            .filter(({ kind }) => kind === "single")
            .map(({ seed }) => seed)
            .sort(),
        ).toEqual(all.sort());
      }),
      { numRuns: 40 },
    );
  });
});

describe("a combination of backbones where there is one", () => {
  const over = (backbones: unknown[]) => {
    const losses = [
      "la",
      recipe({ base: la }),
      SEEDS,
      recipe({ base: la, over: "one" }, "toy-other"),
      "toy-joint",
    ];
    return planOf({ losses, backbones, seeds: [0, 1] });
  };

  it("is warned of once, by the recipe alone", () => {
    const plan = over(["toy-a"]);
    const [text, ...more] = planWarnings(plan);
    expect(more).toEqual([]);
    expect(text).toMatch(/^toy-recipe.*, toy-joint combine backbones, and toy-a is the only one: /);
    // Not what combines seeds, or one backbone with itself.
    expect(text).not.toMatch(/seeds|toy-other|la,/);
    expect(describePlan(plan).json.warnings).toEqual([text]);
    expect(describePlan(plan).text).toMatch(/\nwarning: toy-recipe/);
  });

  it("is none where there are two", () => {
    const plan = over(THREE.slice(0, 2));
    expect(planWarnings(plan)).toEqual([]);
    expect(describePlan(plan).text).not.toContain("warning");
  });
});

it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
  [
    "nothing to combine",
    { losses: [recipe({ needs: ["classPrior"] })] },
    /neither trained runs nor zero-shot/,
  ],
  ["seeds of no loss", { losses: [recipe({ over: "seeds", needs: ["zeroShot"] })] }, /of no loss/],
  ["one run", { losses: [recipe({ base: la, over: "seeds", runs: 1 })] }, /combines 1 runs/],
  ["seeds in common", { losses: [SEEDS], seeds: [0, 1_000_003] }, /for the seeds 0 and 1000003/],
  [
    "weights that are not one per run",
    { losses: [recipe({ base: la, over: "seeds", runs: 2, strataWeights: [1, 1, 1] })] },
    /3 weights for 2 runs/,
  ],
  [
    "weights that are not one",
    { losses: [recipe({ base: la, over: "one", strataWeights: [1, 1, 1] })] },
    /3 weights for 1 backbone/,
  ],
])("refuses %s", (_what, changes, message) => {
  expect(() => planOf(changes)).toThrow(
    expect.objectContaining({ path: "/losses/0", message: expect.stringMatching(message) }),
  );
});
