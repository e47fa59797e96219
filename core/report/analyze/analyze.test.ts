import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandLine } from "../../../test/support/command-line.ts";
import { type LoggedCell, logCell, NASTY } from "../../../test/support/logged-cell.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../../test/support/mlflow-server.ts";
import { type TempFolder, TOY_PLUGINS, tempFolder } from "../../../test/support/plugin-folder.ts";
import { parseConfigDocument, validateConfig } from "../../comparison/config/index.ts";
import { commonParams } from "../../comparison/execute/params.ts";
import { createContainer, resolve } from "../../container/index.ts";
import { silentReporter } from "../../container/reporter.ts";
import { openMlflowTracker } from "../../tracking/index.ts";

const experiment = uniqueName("analyze");
const config = (init: string) =>
  JSON.stringify({
    experiment,
    dataset: "toy-data",
    backbones: ["toy-a"],
    peft: "none",
    losses: ["ce", "la"],
    plugins: ["./toy.mjs"],
    head: { init, ...(init === "n-shot" ? { shots: 2 } : {}) },
  });

/** The params that a comparison of the config logs with each run. */
async function paramsOf(init: string): Promise<Record<string, string | number>> {
  const container = await createContainer({
    reporter: silentReporter,
    plugins: ["./toy.mjs"],
    baseDir: folder.path,
    tracking: () => Promise.reject(new Error("not needed")),
  });
  const document = parseConfigDocument(config(init), "toy.yaml", folder.path);
  const params = commonParams(validateConfig(document, resolve(container, "registry")));
  return Object.fromEntries(Object.entries(params).map(([key, value]) => [key, String(value)]));
}

let folder: TempFolder;
const ids: Record<string, string> = {};
beforeAll(async () => {
  folder = await tempFolder();
  await folder.write("toy.mjs", TOY_PLUGINS);
  for (const init of ["text", "none", "class-mean"]) await folder.write(`${init}.yaml`, config(init));
  const tracker = await openMlflowTracker({ client: await mlflowClient(), experiment });
  const log = async (name: string, parent: LoggedCell["parent"], cell: LoggedCell) => {
    ids[name] = await logCell(tracker, { ...cell, ...(parent ? { parent } : {}) });
  };
  for (const [init, bonus] of [
    ["none", 0],
    ["text", 2],
  ] as const) {
    const params = await paramsOf(init);
    const parent = await tracker.startRun({ name: init, tags: { "dualtail.kind": "comparison" } });
    ids[init] = parent.id;
    const zeroShot = { loss: "zero-shot", kind: "zero-shot", backbone: "toy-a", right: [2, 8, 6, 4, 8, 5] };
    await log(`zero-shot ${init}`, parent, { ...zeroShot, params });
    for (const seed of [0, 1]) {
      const right = [8, 7, 6, 4, 2, 1].map((own) => own + bonus);
      await log(`ce ${init} ${seed}`, parent, {
        loss: "ce",
        kind: "single",
        backbone: "toy-a",
        seed,
        right,
        params,
      });
    }
    await parent.finish("FINISHED");
  }
  // A comparison that took its zero-shot row from the first one, which trained otherwise.
  const params = await paramsOf("n-shot");
  const parent = await tracker.startRun({
    name: "reuse",
    tags: { "dualtail.kind": "comparison", "dualtail.reused": "1" },
  });
  ids.reuse = parent.id;
  await parent.logArtifact("reused.json", JSON.stringify([{ run: ids["zero-shot none"] }]));
  await log("ce reuse", parent, {
    loss: "focal",
    kind: "single",
    backbone: "toy-a",
    seed: 0,
    right: 6,
    params,
  });
  await parent.finish("FINISHED");
  await log("lone", undefined, {
    loss: "la",
    kind: "single",
    backbone: NASTY,
    seed: 0,
    right: 5,
    params: await paramsOf("text"),
  });
  await tracker.close();
}, SERVER_START);
afterAll(() => folder.remove());

const analyze = async (...args: string[]) =>
  commandLine(["analyze", "--resamples", "200", "--quiet", ...args], folder.path, {
    MLFLOW_TRACKING_URI: await mlflowUri(),
  });

interface Json {
  readonly rows: readonly {
    readonly method: string;
    readonly groups: Record<string, { readonly value: number } | undefined>;
    readonly crossing: { readonly accuracy: (number | null)[][]; readonly classes: number[][] };
    readonly imbalance: {
      readonly rank: Record<string, number>;
      readonly coefficients: Record<string, { value: number }>;
    };
    readonly worst: Record<string, { readonly name: string; readonly difference: number }[]>;
    readonly runs: readonly { readonly id: string }[];
  }[];
  readonly methods: readonly { readonly name: string; readonly values: readonly Record<string, unknown>[] }[];
}
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await analyze("--json", ...args);
  expect([code, stderr.replace(/^warning: left out: .*\n/gm, "")]).toEqual([0, ""]);
  return JSON.parse(stdout) as Json;
};

describe("dualtail analyze", () => {
  it("prints an experiment's newest setting, and writes what it prints", async () => {
    const { code, stdout } = await analyze(
      experiment,
      "--where",
      "backbone=toy-a",
      "head.init=text",
      "--out",
      "out",
      "--worst",
      "2",
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ce · toy-a +(estimate|record) +6 +1\.000 /m);
    const markdown = await readFile(join(folder.path, "out/analysis.md"), "utf8");
    const figures = [...markdown.matchAll(/\]\((figures\/[^)]+)\)/g)].map(([, file]) => file!);
    expect(figures.filter((file) => file.includes("per-class"))).toHaveLength(2);
    for (const file of figures)
      expect(await readFile(join(folder.path, "out", file), "utf8")).toMatch(/^<svg/);
    const made = JSON.parse(await readFile(join(folder.path, "out/analysis.json"), "utf8")) as Json;
    expect(made.rows.map(({ method }) => method)).toEqual(["zero-shot", "ce"]);
    const ce = made.rows[1]!;
    // 10, 9, 8, 6, 4, 3 of 10 are right.
    expect(ce.groups.overall!.value).toBeCloseTo(40 / 60, 12);
    expect(ce.groups["D-few"]!.value).toBeCloseTo(0.35, 12);
    expect(ce.groups["dual-tail"]!.value).toBeCloseTo(0.3, 12);
    // D-many: classes 0 (P-many) and 1 (P-few); no D-medium class is P-few.
    expect(ce.crossing.classes).toEqual([
      [1, 0, 1],
      [1, 1, 0],
      [0, 1, 1],
    ]);
    expect(ce.crossing.accuracy[0]).toEqual([expect.closeTo(1, 12), null, expect.closeTo(0.9, 12)]);
    expect(ce.imbalance.rank.downstream).toBeCloseTo(1, 12);
    expect(ce.imbalance.coefficients.downstream!.value).toBeGreaterThan(0.2);
    expect(
      ce.worst.fromZeroShot!.map(({ name, difference }) => [name, Number(difference.toFixed(3))]),
    ).toEqual([
      ["c4", -0.4],
      [NASTY, -0.2],
    ]);
    expect(markdown).not.toContain("<script");
    // No zero-shot run was logged with this one: that of another training is the same.
    const shots = await json(experiment, "--where", "head.init=n-shot");
    expect(shots.rows.map(({ method }) => method)).toEqual(["zero-shot", "focal"]);
  }, 30_000);

  it("takes a comparison's run, a cell beside its zero-shot, and a zero-shot run", async () => {
    const runsOf = ({ rows }: Json) => rows.flatMap(({ runs }) => runs.map(({ id }) => id));
    const none = ["zero-shot none", "ce none 0", "ce none 1"].map((name) => ids[name]);
    expect(runsOf(await json(ids.none!)).sort()).toEqual([...none].sort());
    expect(runsOf(await json(ids.reuse!)).sort()).toEqual([none[0], ids["ce reuse"]].sort());
    // Zero-shot rows of one evaluation are the same whatever was trained beside them: the newest stands for all.
    expect(runsOf(await json(ids["ce none 1"]!)).sort()).toEqual([ids["zero-shot text"], none[2]].sort());
    expect(runsOf(await json(ids["zero-shot text"]!))).toEqual([ids["zero-shot text"]]);
    expect(runsOf(await json(ids.lone!))).toEqual([ids.lone]);
    expect((await analyze("0".repeat(32))).stderr).toMatch(/^error: there is no run 0{32} /);
    expect((await analyze(ids.none!, "--where", "a=b")).code).toBe(2);
  }, 30_000);

  it("takes a config's setting, and says how to run it where nothing is logged", async () => {
    const { rows } = await json("none.yaml");
    expect(rows.map(({ method, runs }) => [method, runs.length])).toEqual([
      ["zero-shot", 1],
      ["ce", 2],
    ]);
    expect(rows[1]!.runs[0]!.id).toBe(ids["ce none 0"]);
    const missing = await analyze("class-mean.yaml");
    expect([missing.code, missing.stdout]).toEqual([1, ""]);
    expect(missing.stderr).toMatch(
      /^error: class-mean\.yaml: nothing is logged yet of this setting; the nearest of 8 finished runs in .* has head\.init = (text|none) — run it: npx dualtail compare class-mean\.yaml$/m,
    );
    await folder.write("other.yaml", config("text").replace(experiment, `${experiment}-other`));
    expect((await analyze("other.yaml")).stderr).toMatch(
      /nothing is logged yet, the experiment .* — run it: /,
    );
    expect((await analyze("no-such.yaml")).stderr).toMatch(/no-such\.yaml: there is no such file/);
  }, 30_000);

  it("compares the values of a param", async () => {
    const { code, stdout } = await analyze(experiment, "--by", "head.init");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ce · toy-a +none +2 +46\.7 \[/m);
    expect(stdout).toMatch(/^ce · toy-a +text +2 +66\.7\*? \+20\.0 \[/m);
    const { methods } = await json("text.yaml", "--by", "head.init", "--against", "text");
    expect(methods).toMatchObject([
      {
        name: "ce · toy-a",
        values: [
          {
            value: "text",
            params: { "head.init": "text" },
            groups: { overall: { value: expect.closeTo(2 / 3, 9) } },
          },
          {
            value: "none",
            groups: { overall: { difference: { value: expect.closeTo(-0.2, 9), seeds: 2 } } },
          },
        ],
      },
    ]);
    expect((await analyze(experiment, "--against", "text")).code).toBe(2);
    expect((await analyze(experiment, "--by", "prompts")).stderr).toMatch(
      /all finished runs have the same prompts/,
    );
  }, 30_000);
});
