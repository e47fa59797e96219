import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TempFolder, TOY_PLUGINS, tempFolder } from "../../../test/support/plugin-folder.ts";
import { createContainer, type PluginRegistry, resolve } from "../../container/index.ts";
import { type ComparisonConfig, parseConfigDocument, validateConfig } from "../config/index.ts";
import { canonicalJson, contentHash, describePlan, type Plan, planComparison } from "./index.ts";

let folder: TempFolder;
let registry: PluginRegistry;

beforeAll(async () => {
  folder = await tempFolder();
  await folder.write("toy.mjs", TOY_PLUGINS);
  registry = resolve(await createContainer({ plugins: ["./toy.mjs"], baseDir: folder.path }), "registry");
});
afterAll(() => folder.remove());

const BASE = {
  experiment: "toy",
  dataset: "toy-data",
  backbones: ["toy-a", { use: "toy-b", folder: "b" }],
  peft: "none",
  losses: ["ce"] as unknown[],
};

const configOf = (changes: Readonly<Record<string, unknown>>): ComparisonConfig =>
  validateConfig(parseConfigDocument(JSON.stringify({ ...BASE, ...changes }), "c.json"), registry);
const planOf = (changes: Readonly<Record<string, unknown>>): Plan =>
  planComparison(configOf(changes), registry);
const labels = (plan: Plan) => plan.cells.map(({ label }) => label);

describe("planComparison", () => {
  it("makes a cell per loss, backbone and seed for a loss over one model", () => {
    const plan = planOf({ losses: ["ce", "gla-train"], seeds: [0, 1] });
    expect(labels(plan)).toEqual(
      [0, 1].flatMap((seed) =>
        ["ce", "gla-train"].flatMap((loss) => ["toy-a", "toy-b"].map((b) => `${loss} · ${b} · seed ${seed}`)),
      ),
    );
    expect(plan.cells.map(({ needsPretrainPrior }) => needsPretrainPrior).slice(0, 4)).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(plan.cells.every(({ kind, dependsOn }) => kind === "single" && dependsOn.length === 0)).toBe(true);
  });

  it("makes one cell per seed for a joint loss", () => {
    const { cells } = planOf({ losses: ["toy-joint"], seeds: [4, 5] });
    expect(cells.map(({ kind, seed, backbones }) => [kind, seed, backbones.length])).toEqual([
      ["joint", 4, 2],
      ["joint", 5, 2],
    ]);
  });

  it("adds the base of a post-hoc loss where it is missing", () => {
    const { cells } = planOf({ losses: ["toy-post"], seeds: [0] });
    expect(cells.map(({ label, implied }) => [label, implied])).toEqual([
      ["la · toy-a · seed 0", true],
      ["la · toy-b · seed 0", true],
      ["toy-post · toy-a + toy-b · seed 0", false],
    ]);
    expect(cells[2]!.dependsOn).toEqual([cells[0]!.id, cells[1]!.id]);
  });

  it("uses a base that the user listed, before or after, and shares it", () => {
    const post = [
      { use: "toy-post", space: "logit" },
      { use: "toy-post", space: "probability" },
    ];
    for (const losses of [
      ["la", ...post],
      [...post, { use: "la", tau: 1 }],
    ]) {
      const plan = planOf({ losses });
      expect(labels(plan).sort()).toEqual([
        "la · toy-a · seed 0",
        "la · toy-b · seed 0",
        "toy-post(space=logit) · toy-a + toy-b · seed 0",
        "toy-post(space=probability) · toy-a + toy-b · seed 0",
      ]);
      expect(plan.cells.some(({ implied }) => implied)).toBe(false);
      const runs = plan.shared.filter(({ what }) => what === "trained run");
      expect(runs.map(({ usedBy }) => usedBy.length)).toEqual([2, 2]);
    }
  });

  it("tells an implied base from a listed one with other options", () => {
    const plan = planOf({ losses: [{ use: "la", tau: 2 }, "toy-post"], backbones: ["toy-a"] });
    expect(labels(plan)).toEqual([
      "la(tau=2) · toy-a · seed 0",
      "la(tau=1) · toy-a · seed 0",
      "toy-post · toy-a · seed 0",
    ]);
  });

  it("says that the training images are embedded for all cells that start from them", () => {
    const shared = (head: object) =>
      planOf({ losses: ["la", "backdoor"], head }).shared.filter(({ what }) => what === "training features");
    expect(shared({ init: "text" })).toEqual([]);
    const { cells } = planOf({ losses: ["la", "backdoor"], head: { init: "class-mean" } });
    expect(shared({ init: "class-mean" }).map(({ of, usedBy }) => [of, usedBy])).toEqual([
      ["toy-a", [cells[0]!.id]],
      ["toy-b", [cells[1]!.id]],
    ]);
  });

  it("says that the training images are embedded for losses whose strata are estimated on them", () => {
    const { cells, shared } = planOf({ losses: ["la", "backdoor-strata", "backdoor"], backbones: ["toy-a"] });
    const [features] = shared.filter(({ what }) => what === "training features");
    expect(features).toEqual({ what: "training features", of: "toy-a", usedBy: [cells[1]!.id] });
  });

  it("tells plugins chosen in options by their names, with what tells them apart", () => {
    const losses = [
      { use: "backdoor-strata", strata: "class-wise" },
      { use: "backdoor-strata", strata: { use: "k-means", clusters: 8 } },
      { use: "backdoor-strata", strata: { use: "k-means", clusters: 9, normalize: true } },
    ];
    const { cells } = planOf({ losses, backbones: ["toy-a"] });
    expect(cells.map(({ loss }) => loss.label)).toEqual([
      "backdoor-strata(strata=class-wise)",
      "backdoor-strata(strata=k-means(clusters=8, normalize=false))",
      "backdoor-strata(strata=k-means(clusters=9, normalize=true))",
    ]);
    // One of each needs no more than its name.
    const two = planOf({ losses: losses.slice(0, 2), backbones: ["toy-a"] });
    expect(two.cells.map(({ loss }) => loss.label)).toEqual([
      "backdoor-strata(strata=class-wise)",
      "backdoor-strata(strata=k-means)",
    ]);
    expect(two.cells.map(({ id }) => id)).toEqual(cells.slice(0, 2).map(({ id }) => id));
  });

  it("plans the built-in post-hoc backdoor over la", () => {
    const { cells } = planOf({ losses: ["la", "backdoor"] });
    const post = cells.filter(({ loss }) => loss.name === "backdoor");
    expect(post.map(({ kind, dependsOn }) => [kind, dependsOn.length])).toEqual([["post-hoc", 2]]);
  });

  it.each<[string, Readonly<Record<string, unknown>>, string, RegExp]>([
    [
      "a base that does not exist",
      { losses: ["ce", { use: "toy-post", base: "focus" }] },
      "/losses/1",
      /base of "toy-post" is "focus"/,
    ],
    [
      "a base that is no single loss",
      { losses: [{ use: "toy-post", base: "toy-joint" }] },
      "/losses/0",
      /not a loss over one model but joint/,
    ],
    [
      "too few weights",
      { losses: [{ use: "toy-joint", weights: [1] }] },
      "/losses/0",
      /1 weights for 2 backbones/,
    ],
    ["negative weights", { losses: [{ use: "toy-joint", weights: [1, -1] }] }, "/losses/0", /no masses/],
    ["weights of nothing", { losses: [{ use: "toy-joint", weights: [0, 0] }] }, "/losses/0", /no masses/],
    [
      "a label twice",
      { losses: [{ use: "ce", label: "la" }, "la"] },
      "/losses/0/label",
      /two losses are called "la"/,
    ],
    [
      "a backbone's label twice",
      {
        backbones: [
          { use: "toy-a", label: "x" },
          { use: "toy-b", folder: "x", label: "x" },
        ],
      },
      "/backbones/1",
      /two backbones/,
    ],
  ])("refuses %s", (_what, changes, path, message) => {
    expect(() => planOf(changes)).toThrow(
      expect.objectContaining({ path, message: expect.stringMatching(message) }),
    );
  });
});

describe("a cell's id", () => {
  const idOf = (changes: Readonly<Record<string, unknown>>) =>
    planOf({ backbones: ["toy-a"], ...changes }).cells.map(({ id }) => id);

  it("is the same however the same content is written", () => {
    const [id] = idOf({});
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    const same = [
      { dataset: { ratio: 100, use: "toy-data" } },
      { losses: [{ label: "plain", use: "ce" }] },
      { losses: ["la", "ce"] },
      { train: { optimizer: { momentum: 0.9, use: "sgd" } } },
      { name: "other", device: "webgpu", threads: 2, output: "elsewhere", evaluation: { batchSize: 1 } },
    ];
    for (const changes of same) expect(idOf(changes)).toContain(id);
  });

  it("is what it was before lists of methods, heads and test-time ensembles could be chosen", () => {
    expect(idOf({})).toEqual(["a76d085afbc4"]);
    expect(idOf({ peft: ["adaptformer"] })).toEqual(["fda6897e47cc"]);
    expect(idOf({ prompt: "default", evaluation: { expand: 9 } })).toEqual(["a76d085afbc4"]);
  });

  it("differs with everything that determines the result", () => {
    const variants = [
      {},
      { dataset: { use: "toy-data", ratio: 10 } },
      { backbones: [{ use: "toy-a", width: 9 }] },
      { peft: "lora" },
      { peft: { use: "lora", rank: 2 } },
      { peft: ["lora", "adaptformer"] },
      { losses: ["la"] },
      { losses: [{ use: "la", tau: 2 }] },
      { seeds: [1] },
      { head: { scale: 30 } },
      { head: { type: "linear" } },
      { head: { init: "class-mean" } },
      { head: { init: "n-shot", shots: 1 } },
      { head: { init: "n-shot", shots: 10 } },
      { prompt: "a {}" },
      { prompt: "ensemble" },
      { train: { epochs: 3 } },
      { train: { optimizer: { use: "sgd", lr: 0.1 } } },
      { train: { augment: { flip: false } } },
      { evaluation: { priorFrom: "train" } },
      { evaluation: { preprocessing: "lift" } },
      { evaluation: { tte: "five" } },
      { evaluation: { tte: "ten" } },
      { evaluation: { tte: "ten", expand: 32 } },
    ];
    const ids = variants.flatMap(idOf);
    expect(new Set(ids).size).toBe(variants.length);
  });

  it("has a group that only the seed does not change", () => {
    const { cells } = planOf({ losses: ["toy-post", "ce"], seeds: [0, 1] });
    const half = cells.length / 2;
    expect(cells.slice(0, half).map(({ group }) => group)).toEqual(
      cells.slice(half).map(({ group }) => group),
    );
    expect(new Set(cells.map(({ group }) => group)).size).toBe(half);
  });
});

describe("any plan", () => {
  const tau = fc.constantFrom(0.5, 1, 2);
  const space = fc.constantFrom("logit", "probability");
  const loss = fc.oneof(
    fc.constantFrom(
      { use: "ce" },
      { use: "toy-joint" },
      { use: "gla-train" },
      { use: "toy-post", base: "ce" },
    ),
    tau.map((value) => ({ use: "la", tau: value })),
    fc.record({ use: fc.constant("toy-post"), tau, space }),
  );
  const changes = fc.record({
    losses: fc.uniqueArray(loss, { minLength: 1, maxLength: 6, selector: canonicalJson }),
    seeds: fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 3 }),
    backbones: fc.constantFrom<unknown[]>(BASE.backbones, ["toy-a"], ["toy-a", { use: "toy-a", width: 9 }]),
  });

  it("can be run in order, names every cell once, and is the same again", () => {
    fc.assert(
      fc.property(changes, (change) => {
        const plan = planOf(change);
        const seen = new Set<string>();
        for (const { id, dependsOn, kind, backbones } of plan.cells) {
          for (const dependency of dependsOn) expect(seen).toContain(dependency);
          expect(dependsOn).toHaveLength(kind === "post-hoc" ? backbones.length : 0);
          expect(seen).not.toContain(id);
          seen.add(id);
        }
        for (const field of ["key", "label"] as const) {
          expect(new Set(plan.cells.map((cell) => cell[field])).size).toBe(plan.cells.length);
        }
        for (const { key } of plan.cells) expect(key).toMatch(/^[a-z0-9_-]{1,200}$/);
        for (const { usedBy } of plan.shared) for (const id of usedBy) expect(seen).toContain(id);
        expect(JSON.stringify(describePlan(planOf(change)).json)).toBe(
          JSON.stringify(describePlan(plan).json),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("hashes content, not the order of keys", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(contentHash(reverseKeys(value))).toBe(contentHash(value));
      }),
    );
  });
});

function reverseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reverseKeys(item)]),
  );
}

describe("describePlan", () => {
  it("shows the cells, the counts and what is shared", () => {
    const plan = planOf({ losses: ["ce", "toy-post"], seeds: [7] });
    const lines = describePlan(plan).text.split("\n");
    const rows = lines.map((line) => line.trim().split(/\s{2,}/));
    expect(rows[0]).toEqual(["#", "id", "what", "loss", "backbones", "seed", "notes"]);
    expect(rows[1]).toEqual(["1", plan.cells[0]!.id, "train", "ce", "toy-a", "7"]);
    expect(rows[5]).toEqual([
      "5",
      plan.cells[4]!.id,
      "combine",
      "toy-post",
      "toy-a + toy-b",
      "7",
      "from #3, #4",
    ]);
    expect(lines).toContain("5 cells: 4 to train, 1 to combine from trained ones (2 implied by others)");
    expect(lines).toContain("  text features (toy-a, toy-b), used by 5 cells");
    expect(lines).toContain("  trained run (2 of them), used by 1 cell");
  });
});
