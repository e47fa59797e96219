import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../plugin-api/index.ts";
import type { Cell } from "../plan/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import { createFingerprints } from "./fingerprint.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-fingerprint-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const split = (...labels: number[]) => ({ images: [], labels: Int32Array.from(labels) });
const data: Dataset = {
  name: "toy",
  classNames: ["cat", "dog"],
  train: split(0, 0, 1),
  test: split(0, 1),
  digest: "d",
  source: "",
};
const backbone = { checkpoint: { digest: async () => "w" } } as PreparedBackbone;
const cellOf = (loss: string, recipe: object = { mode: "single" }) =>
  ({ loss: { name: loss }, recipe, backbones: [{ name: "clip" }] }) as unknown as Cell;

interface Changes {
  readonly dataset?: Partial<Dataset>;
  readonly config?: object;
  /** Of the plugin that is an object. */
  readonly version?: string;
}

function prints({ dataset = {}, config = {}, version }: Changes = {}) {
  const named = (name: string, from: string, code?: object) => ({
    plugin: { kind: "loss", name },
    from,
    ...(code ? { code } : {}),
  });
  return createFingerprints({
    config: {
      dataset: { use: "toy" },
      peft: [],
      prompts: ["a {}"],
      evaluation: { batchSize: 1, tte: "none" },
      ...config,
    },
    registry: {
      list: () => [
        named("mine", "./own.mjs", { file: join(dir, "own.mjs") }),
        named("object", "the application", { ...(version ? { version } : {}) }),
        named("la", "plugins/losses/la"),
      ],
    },
    dataset: { ...data, ...dataset },
  } as never);
}

describe("the fingerprint of a row", () => {
  const print = (changes?: Changes, own = backbone) => prints(changes).cell(cellOf("la"), [own]);

  it("is 32 hex digits, and the same for the same content", async () => {
    expect(await print()).toMatch(/^[0-9a-f]{32}$/);
    expect(await print()).toBe(await print());
  });

  it.each<readonly [string, Partial<Dataset>]>([
    ["the order of the test labels", { test: split(1, 0) }],
    ["the number of training images", { train: split(0, 0, 1, 1) }],
    ["a class name", { classNames: ["cat", "fox"] }],
    ["the digest of the images", { digest: "e" }],
    ["a validation split", { validation: split(0, 1) }],
  ])("changes with %s", async (_what, dataset) => {
    expect(await print({ dataset })).not.toBe(await print());
  });

  it("changes with the weights and with the counts recorded beside them", async () => {
    const weights = { checkpoint: { digest: async () => "v" } } as PreparedBackbone;
    expect(await print({}, weights)).not.toBe(await print());
    expect(await print({}, { ...backbone, pretrainCounts: [1, 2] })).not.toBe(await print());
  });

  it("changes with the file of a user's plugin, where the row uses it", async () => {
    const uses = [
      cellOf("mine"),
      cellOf("la", { mode: "post-hoc", base: { use: "mine" } }),
      cellOf("la", { mode: "single", strata: { use: "mine" } }),
    ];
    const all = () => Promise.all([...uses, cellOf("la")].map((cell) => prints().cell(cell, [backbone])));
    await writeFile(join(dir, "own.mjs"), "export const a = 1;");
    const before = await all();
    await writeFile(join(dir, "own.mjs"), "export const a = 22;");
    const after = await all();
    expect(before.map((own, i) => own === after[i])).toEqual([false, false, false, true]);
  });

  it("never comes again where the row uses an object without a version, and follows the version", async () => {
    const all = async (version?: string) =>
      [await prints({ version }).cell(cellOf("object"), [backbone]), await print({ version })] as const;
    const [first, other] = await all();
    const [second, same] = await all();
    expect(second).not.toBe(first);
    expect(same).toBe(other);
    const [one, again, two] = [await all("1"), await all("1"), await all("2")];
    expect(again).toEqual(one);
    expect(two[0]).not.toBe(one[0]);
  });

  it("of a zero-shot row changes with prompts, evaluation and options, but not with the batch size", async () => {
    const zeroShot = (config: object, options: object = {}) =>
      prints({ config }).zeroShot({ name: "clip", label: "clip", options: { ...options } }, backbone);
    const same = await zeroShot({ evaluation: { batchSize: 9, tte: "none" } });
    expect(await zeroShot({})).toBe(same);
    const others = [
      await zeroShot({ prompts: ["the {}"] }),
      await zeroShot({ evaluation: { batchSize: 1, tte: "five" } }),
      await zeroShot({}, { activation: "gelu" }),
    ];
    expect(new Set([same, ...others]).size).toBe(4);
  });
});
