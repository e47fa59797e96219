import { describe, expect, it } from "vitest";
import type { Run } from "../../mlflow-js-client/index.ts";
import { analyse } from "../analysis.ts";
import type { Block, Table } from "../document/blocks.ts";
import { keyOf, methodOf, type Params } from "../read/identity.ts";
import { gatherRows, type RunReader } from "../read/rows.ts";
import { besideBlocks } from "./beside.ts";
import { settingsBlocks } from "./blocks.ts";
import { compareSettings } from "./compare.ts";
import { comparableSetting, labelNamed, valueLabels, variedBy } from "./varied.ts";

const K = 3;
const PER_CLASS = 20;
const labels = Int32Array.from({ length: K * PER_CLASS }, (_, i) => i % K);

let ids = 0;
/** @param params beyond one setting; `right` images of each class are right, of 20, but one less per seed for a quarter of them */
function run(params: Params, right = 10, images = "image"): Run & { right: number; images: string } {
  const own = { loss: "la", backbone: "clip", kind: "single", seed: "0", "head.init": "text", ...params };
  const { seed, ...rest } = own;
  const zeroShot = own.kind === "zero-shot";
  return {
    info: {
      runId: String(ids++),
      runName: [own.loss, own.backbone, ...(zeroShot ? [] : [`seed ${seed}`])].join(" · "),
    },
    params: { dataset: "d", "train.epochs": "1", ...(zeroShot ? rest : own) },
    tags: { "dualtail.kind": own.kind },
    metrics: [],
    datasets: [],
    right,
    images,
  } as unknown as Run & { right: number; images: string };
}

const read: RunReader = async (own) => {
  const { right, images } = own as ReturnType<typeof run>;
  return {
    run: own,
    table: {
      names: ["a", "b", "c"],
      trainCounts: [200, 50, 5],
      downstream: ["many", "medium", "few"],
      pretrain: ["few", "medium", "few"],
      recorded: false,
    },
    predictions: {
      images: Array.from(labels, (_, i) => `${images} ${i}`),
      labels,
      correct: Uint8Array.from(labels, (_, i) => Number(Math.floor(i / K) < right)),
    },
  };
};

async function compared(runs: readonly Run[], by: readonly string[], against?: string) {
  const varied = variedBy(by);
  const gathered = await gatherRows(read, runs, { varied, like: comparableSetting(runs, by) });
  const values = [...new Map(gathered.rows.map((row) => [keyOf(row.varied), row.varied])).values()];
  const valueNames = valueLabels(by, values);
  const settings = compareSettings({
    analysis: analyse(gathered, { resamples: 200 }),
    varied,
    labels: valueNames,
    ...(against === undefined ? {} : { against: labelNamed(against, by, values, valueNames) }),
  });
  return { gathered, settings };
}

const seeded = (params: Params, right: number, seeds = ["0", "1"]) =>
  seeds.map((seed) => run({ ...params, seed }, right));
const figures = (settings: Awaited<ReturnType<typeof compared>>["settings"]) =>
  settings.methods.map(({ name, values }) => [
    name,
    ...values.map(({ label, accuracy, difference }) => [
      label,
      accuracy[0]!.value.toFixed(2),
      difference[0]?.value.toFixed(2),
    ]),
  ]);

describe("--by", () => {
  it("compares each method with itself, over seeds in common, the first value first", async () => {
    // Newest first, as a search gives them.
    const runs = [
      ...seeded({ "head.init": "none", loss: "ce" }, 4, ["1", "2"]),
      ...seeded({ "head.init": "class-mean" }, 15),
      ...seeded({ "head.init": "text", loss: "ce" }, 8),
      ...seeded({ "head.init": "text" }, 10),
      run({ "head.init": "text", loss: "focal" }),
    ];
    const { settings } = await compared(runs, ["head.init"]);
    expect(settings.against).toBe("text");
    expect(figures(settings)).toEqual([
      ["la · clip", ["text", "0.50", undefined], ["class-mean", "0.75", "0.25"]],
      ["ce · clip", ["text", "0.40", undefined], ["none", "0.20", "-0.20"]],
    ]);
    expect(settings.methods[1]!.values[1]!.difference[0]!.seeds).toBe(1);
    expect(settings.omitted).toEqual(["focal · clip: only with text"]);
    const [table] = settingsBlocks(settings, "head.init") as [Table];
    expect(table.header.slice(0, 3)).toEqual(["row", "head.init", "seeds"]);
    expect(table.rows[1]!.slice(1, 4)).toEqual([
      { text: "class-mean" },
      { text: "2" },
      { text: "75.0", note: expect.stringMatching(/^\+25\.0 \[\+/), strong: true },
    ]);
    expect(table.rows[3]![2]).toEqual({ text: "2 (1 in common)" });

    const other = await compared(runs, ["head.init"], "class-mean");
    expect(figures(other.settings)).toEqual([
      ["la · clip", ["class-mean", "0.75", undefined], ["text", "0.50", "-0.25"]],
    ]);
    await expect(compared(runs, ["head.init"], "n-shot")).rejects.toThrow(
      /no value to compare against is "n-shot"/,
    );
  });

  it("shows no difference where no seed is in common", async () => {
    const runs = [run({ "head.init": "none", seed: "1" }, 4), run({ seed: "0" }, 10)];
    const { settings } = await compared(runs, ["head.init"]);
    expect(figures(settings)).toEqual([
      ["la · clip", ["text", "0.50", undefined], ["none", "0.20", undefined]],
    ]);
  });

  it("takes a plugin's options with it, and several params together", async () => {
    const full: Params = { peft: "full", "train.lr": "0.001" };
    const adapter: Params = { peft: "adapter", "peft.width": "4", "train.lr": "0.1" };
    const runs = [run(full, 5), run(adapter, 10), run({ ...adapter, "peft.width": "8" }, 12)];
    expect(() => comparableSetting([runs[0]!, runs[1]!], ["peft"])).toThrow(
      /no method has been run with two values of peft/,
    );
    expect(() => comparableSetting([runs[0]!, runs[1]!], ["peft"])).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("train.lr = 0.1: what follows") }),
    );
    // Two widths can be compared with each other.
    expect(figures((await compared(runs, ["peft"])).settings)).toEqual([
      [
        "la · clip",
        ["adapter (peft.width = 8)", "0.60", undefined],
        ["adapter (peft.width = 4)", "0.50", "-0.10"],
      ],
    ]);
    const { settings } = await compared(runs, ["peft", "train.lr"], "full");
    expect(
      figures(settings)[0]!
        .slice(1)
        .map(([label]) => label),
    ).toEqual([
      "peft = full, train.lr = 0.001",
      "peft = adapter, train.lr = 0.1 (peft.width = 8)",
      "peft = adapter, train.lr = 0.1 (peft.width = 4)",
    ]);
    await expect(compared(runs, ["peft", "train.lr"], "adapter")).rejects.toThrow(/more than one value/);
  });

  it("compares options of a loss under the loss's name", async () => {
    const runs = ["1", "2"].map((tau) => run({ "loss.tau": tau, loss: "la" }, 10 + Number(tau)));
    expect(figures((await compared(runs, ["loss.tau"])).settings)).toEqual([
      ["la · clip", ["2", "0.60", undefined], ["1", "0.55", "-0.05"]],
    ]);
  });

  it("says why nothing can be compared", () => {
    const runs = [run({ loss: "ce" }), run({})];
    expect(() => comparableSetting(runs, ["head.shots"])).toThrow(
      expect.objectContaining({
        message: 'no finished run has logged a param "head.shots"',
        hint: "runs differ in: loss",
      }),
    );
    expect(() => comparableSetting(runs, ["head"])).toThrow(
      /all have the same|have the same head: head\.init = text/,
    );
    expect(() => comparableSetting(runs, ["seed"])).toThrow(/averaged over/);
    expect(() => comparableSetting([run({ "head.init": "none", loss: "ce" }), run({})], ["head"])).toThrow(
      expect.objectContaining({ hint: "run the same losses and backbones with both" }),
    );
  });
});

describe("rows of a setting", () => {
  it("take zero-shot of their backbones from whatever was trained beside it, and no other", async () => {
    const zeroShot = (backbone: string, params: Params = {}) =>
      run({ kind: "zero-shot", loss: "zero-shot", backbone, ...params });
    const runs = [
      run({}),
      run({ kind: "post-hoc", loss: "backdoor", backbone: "clip+b" }),
      run({ "head.init": "none", backbone: "c" }),
      zeroShot("clip", { "head.init": "none" }),
      zeroShot("clip", { "head.init": "n-shot" }),
      zeroShot("b", { "train.epochs": "7" }),
      zeroShot("c", { "head.init": "none" }),
      zeroShot("clip", { prompts: "other" }),
    ];
    const { rows, omitted } = await gatherRows(read, runs);
    const ids = rows.flatMap((row) => row.runs.map(({ run: own }) => runs.indexOf(own as (typeof runs)[0])));
    expect(ids.sort()).toEqual([0, 1, 3, 5]);
    expect(omitted).toEqual([
      "1 run of another setting: head.init = none",
      "1 run of another setting: prompts = other",
    ]);
  });
});

describe("beside a report", () => {
  const textOf = (blocks: readonly Block[]) => JSON.stringify(blocks);
  async function beside(runs: readonly Run[]) {
    const main = await gatherRows(read, runs);
    return besideBlocks(read, runs, main, { resamples: 200, seed: 0 });
  }

  it("is nothing where all runs share the setting, or only frozen models ran in another", async () => {
    expect(await beside([run({}), run({ loss: "ce" })])).toEqual([]);
    expect(
      await beside([run({}), run({ kind: "zero-shot", loss: "zero-shot", "head.init": "none" })]),
    ).toEqual([]);
  });

  it("names the params and compares the losses that both have", async () => {
    const blocks = await beside([
      ...seeded({}, 10),
      run({ loss: "ce" }),
      ...seeded({ "head.init": "none" }, 4),
      run({ "head.init": "none", loss: "focal" }),
      run({ "train.epochs": "9" }, 20),
    ]);
    expect(blocks[0]).toEqual({ kind: "heading", level: 2, text: "Beside it: other settings" });
    expect(blocks[2]).toEqual({
      kind: "list",
      items: ["head.init = none: 3 runs", "train.epochs = 9: 1 run"],
    });
    const table = blocks.find((block): block is Table => block.kind === "table")!;
    expect(table.rows.map((cells) => cells.slice(0, 4).map(({ text }) => text))).toEqual([
      ["la · clip", "as above", "2", "50.0"],
      ["la · clip", "train.epochs = 9", "1", "100.0"],
      ["la · clip", "head.init = none", "2", "20.0"],
    ]);
    expect(textOf(blocks)).not.toContain("focal ·");
  });

  it("has no table where the settings share no loss, or the test images differ", async () => {
    const none = await beside([run({}), run({ "head.init": "none", loss: "ce" })]);
    expect(textOf(none)).toContain("No loss on the same backbones has been run in both.");
    // Most runs are of other images; those of the report count.
    const others = ["1", "2", "3"].map((epochs) =>
      run({ dataset: "e", "train.epochs": epochs }, 10, "other"),
    );
    const blocks = await beside([run({}), ...others]);
    expect(blocks.some(({ kind }) => kind === "table")).toBe(false);
    expect(textOf(blocks)).toContain("dataset = e");
  });
});

it("takes a checkpoint for the same wherever the config lay that named it", () => {
  const run = (folder: string) => ({ params: { loss: "la", "backbone.folder": folder } });
  expect(methodOf(run("../../testbed/clip"))).toEqual(methodOf(run("../testbed/clip")));
  expect(methodOf(run("../testbed/clip"))).not.toEqual(methodOf(run("../testbed/openclip")));
  expect(methodOf(run("/a/clip"))).not.toEqual(methodOf(run("/b/clip")));
});
