import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spearman } from "../../../core/evaluation/index.ts";
import type { Dataset, DatasetContext, Split } from "../../../core/plugin-api/index.ts";
import { type CatalogItem, readCatalog } from "./catalog.ts";
import { plugin } from "./index.ts";
import { coarseKey, exactKey, isBlank } from "./likeness.ts";
import { readIconSets } from "./packages.ts";
import { readDownstreamPool } from "./pool.ts";
import { cachedRasters } from "./raster-cache.ts";
import { splitPool, TEST_PER_CLASS, VALIDATION_PER_CLASS } from "./split.ts";
import { classNames, sets } from "./vocabulary.ts";

let context: DatasetContext;
let dataset: Dataset;
const warnings: string[] = [];
const drawn: string[] = [];

beforeAll(async () => {
  const cacheDir = await mkdtemp(path.join(tmpdir(), "icons-lt-"));
  context = {
    cacheDir,
    baseDir: cacheDir,
    seed: 0,
    progress: (label) => {
      drawn.push(label);
      return () => {};
    },
    warn: (message) => warnings.push(message),
  };
  dataset = await plugin.load(context, {});
});
afterAll(() => rm(context.cacheDir, { recursive: true, force: true }));

const pictures = ({ images }: Split) =>
  images.map((image) => {
    if (image.kind !== "pixels") throw new Error("icons are pixels");
    return { name: image.name, set: image.name.replace(/^icons-lt (.*):.*$/, "$1"), data: image.data };
  });
const countsOf = (data: Dataset, { labels }: Split) =>
  data.classNames.map((_, label) => labels.filter((other) => other === label).length);

describe("the default task", () => {
  test("has 120 classes, a long tail to train on, balanced validation and test", () => {
    expect(dataset.classNames).toHaveLength(120);
    const train = countsOf(dataset, dataset.train).toSorted((a, b) => b - a);
    expect(train[0]).toBe(150);
    expect(train.at(-1)).toBe(2);
    expect(train.filter((n) => n > 100).length).toBeGreaterThanOrEqual(10);
    expect(train.filter((n) => n < 20).length).toBeGreaterThanOrEqual(40);
    expect(new Set(countsOf(dataset, dataset.test))).toEqual(new Set([TEST_PER_CLASS]));
    expect(new Set(countsOf(dataset, dataset.validation!))).toEqual(new Set([VALIDATION_PER_CLASS]));
  });

  test("shares no set and no look between the test split and what is trained on, and no picture at all", () => {
    const roleOf = new Map(sets.map((set) => [set.prefix, set.role]));
    const learned = [...pictures(dataset.train), ...pictures(dataset.validation!)];
    const tested = pictures(dataset.test);
    for (const { set } of learned) expect(roleOf.get(set)).toBe("train");
    for (const { set } of tested) expect(roleOf.get(set)).toBe("test");
    const looks = new Set(tested.map(({ data }) => coarseKey(data, 32)));
    expect(learned.filter(({ data }) => looks.has(coarseKey(data, 32)))).toEqual([]);
    const all = [...learned, ...tested];
    expect(new Set(all.map(({ data }) => exactKey(data))).size).toBe(all.length);
    expect(all.filter(({ data }) => isBlank(data))).toEqual([]);
  });

  test("is black on white: corners are mostly white, every picture has ink", () => {
    const corners = pictures(dataset.test).filter(({ data }) => data[0] === 255);
    expect(corners.length / dataset.test.images.length).toBeGreaterThan(0.98);
    for (const { name, data } of pictures(dataset.test)) expect(Math.min(...data), name).toBeLessThan(160);
  });
});

test("the same options give the same data without drawing again", async () => {
  const again = await plugin.load(context, {});
  expect(again.digest).toBe(dataset.digest);
  expect(drawn).toHaveLength(1);
  expect(warnings).toEqual([]);
});

test("fewer classes and a smaller head", async () => {
  const small = await plugin.load(context, { classes: 10, maxPerClass: 20, imbalanceRatio: 20 });
  const counts = countsOf(small, small.train).toSorted((a, b) => b - a);
  expect([counts[0], counts.at(-1), small.classNames.length]).toEqual([20, 1, 10]);
  expect(small.digest).not.toBe(dataset.digest);
});

test("seed and ratio change what is trained on, never the test split", async () => {
  const pool = await readDownstreamPool(context, 32);
  const split = (imbalanceRatio: number, seed: number) => {
    const { train, validation, test } = splitPool(pool, {
      classNames,
      imbalanceRatio,
      maxPerClass: 150,
      seed,
    });
    const ids = (items: typeof train) => items.flat().map(({ id }) => id);
    return {
      counts: train.map((items) => items.length),
      learned: [...ids(train), ...ids(validation)],
      test: ids(test),
    };
  };
  const first = split(100, 0);
  expect(split(100, 0)).toEqual(first);
  for (const other of [split(100, 1), split(10, 0)]) {
    expect(other.counts).not.toEqual(first.counts);
    expect(other.test).toEqual(first.test);
    expect(new Set(other.learned).size).toBe(other.learned.length);
  }
});

test("with an order, every ratio has the same classes in its tail, and their D-groups", async () => {
  expect((await plugin.load(context, { orderRatio: 100 })).digest).toBe(dataset.digest);
  const reference = countsOf(dataset, dataset.train);
  for (const [imbalanceRatio, maxPerClass] of [
    [10, 64],
    [50, 98],
  ] as const) {
    const other = await plugin.load(context, { imbalanceRatio, maxPerClass, orderRatio: 100 });
    const counts = countsOf(other, other.train);
    expect(Math.max(...counts) / Math.min(...counts)).toBeGreaterThan(imbalanceRatio / 1.5);
    expect(spearman(counts, reference)).toBeGreaterThan(0.98);
    expect(other.groupCounts).toEqual(reference);
    expect(other.test.labels).toEqual(dataset.test.labels);
  }
  expect((await plugin.load(context, { imbalanceRatio: 1 })).groupCounts).toBeUndefined();
});

describe("the raster cache", () => {
  let items: CatalogItem[];
  const draw = () => cachedRasters("some", items, 16, context);
  const file = async (extension: string) => {
    const folder = path.join(context.cacheDir, "icons-lt");
    const name = (await readdir(folder)).find(
      (entry) => entry.startsWith("some-16-") && entry.endsWith(extension),
    );
    return path.join(folder, name!);
  };

  beforeAll(async () => {
    items = (await readCatalog(["test"], context.baseDir)).slice(0, 200);
  });

  test.each([
    ["pixels cut short", async () => truncate(await file(".gray"), 1000)],
    [
      "a pixel changed",
      async () => {
        const bytes = await readFile(await file(".gray"));
        bytes[77]! ^= 1;
        await writeFile(await file(".gray"), bytes);
      },
    ],
    ["an index that is no JSON", async () => writeFile(await file(".json"), "{")],
    ["an index of something else", async () => writeFile(await file(".json"), "null")],
  ])("%s is noticed, told and drawn again", async (_, damage) => {
    const before = Buffer.from(await draw());
    expect(before).toHaveLength(200 * 16 * 16);
    await damage();
    warnings.length = 0;
    expect(Buffer.from(await draw()).equals(before)).toBe(true);
    expect(warnings.join()).toContain(await file(".gray"));
    warnings.length = 0;
    await draw();
    expect(warnings).toEqual([]);
  });

  test("is not drawn anew while it is sound, and leaves no temporary file", async () => {
    await draw();
    const { mtimeMs } = await stat(await file(".gray"));
    await draw();
    expect((await stat(await file(".gray"))).mtimeMs).toBe(mtimeMs);
    const left = await readdir(path.join(context.cacheDir, "icons-lt"));
    expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("an icon that does not render is named", async () => {
    const broken = { ...items[0]!, id: "some:broken", icon: { ...items[0]!.icon, body: "<path d=" } };
    await expect(cachedRasters("bad", [items[1]!, broken], 16, context)).rejects.toThrow("some:broken");
  });
});

test("missing packages are all named with the command that installs them", async () => {
  const absent = ["no-such-set-a", "no-such-set-b"].map((name) => ({
    ...sets[0]!,
    package: `@iconify-json/${name}`,
    version: "1.2.3",
  }));
  const error = await readIconSets([sets[0]!, ...absent], context.baseDir).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    message: expect.stringContaining("2 of 3 icon packages"),
    hint: "npm install --save-dev @iconify-json/no-such-set-a@1.2.3 @iconify-json/no-such-set-b@1.2.3",
  });
});
