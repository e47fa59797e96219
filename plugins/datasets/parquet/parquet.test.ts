import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Dataset, type DatasetContext, DualtailError } from "../../../core/plugin-api/index.ts";
import { placeOf } from "./files.ts";
import { type ParquetOptions, plugin } from "./index.ts";

const fixtures = fileURLToPath(new URL("../../../test/fixtures/parquet-images/", import.meta.url));
let base: string;
let fresh = 0;
beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), "parquet-"));
});
afterAll(() => rm(base, { recursive: true, force: true }));

/** A copy of a fixture to add to. */
async function copy(name: string): Promise<string> {
  const root = path.join(base, `copy${fresh++}`);
  await cp(path.join(fixtures, name), root, { recursive: true });
  return root;
}
function load(root: string, options: Partial<ParquetOptions> = {}, seed = 0): Promise<Dataset> {
  const context: DatasetContext = {
    cacheDir: path.join(base, "cache"),
    baseDir: base,
    seed,
    progress: () => () => {},
    warn: () => {},
  };
  return plugin.load(context, { root, ...options });
}
const failure = (root: string, options: Partial<ParquetOptions> = {}) =>
  load(root, options).then(
    () => "loaded",
    (error: unknown) => (error instanceof DualtailError ? error.oneLine : `not for users: ${error}`),
  );
const bytesOf = (data: Dataset, split: "train" | "test", i: number) => {
  const image = data[split].images[i]!;
  if (image.kind !== "encoded") throw new Error("not encoded");
  return image.bytes();
};

test("a data set of the hub: shards, splits and the names in the files", async () => {
  const data = await load(path.join(fixtures, "hub"));
  expect(data.name).toBe("hub");
  expect(data.classNames).toEqual(["red fox", "blue_whale", "oak"]);
  expect([...data.train.labels]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2]);
  expect([...data.test.labels]).toEqual([0, 0, 1, 1, 2, 2]);
  expect(data.validation).toBeUndefined();
  const sizes = await Promise.all(
    data.train.images.map(async (_, i) => (await sharp(await bytesOf(data, "train", i)).metadata()).width),
  );
  // Image i of the first shard has 3 + i % 7 pixels, the second goes on from i = 9.
  expect(sizes).toEqual([3, 6, 9, 5, 8, 4, 7, 3, 6, 9, 5, 8, 4, 7]);
});

test("the digest follows the content", async () => {
  const root = await copy("hub");
  const { digest } = await load(root);
  expect((await load(path.join(fixtures, "hub"))).digest).toBe(digest);
  expect((await load(root, { test: "train" })).digest).not.toBe(digest);
  await cp(
    path.join(fixtures, "odd/no-names/train.parquet"),
    path.join(root, "data/test-00000-of-00001.parquet"),
  );
  expect((await load(root)).digest).not.toBe(digest);
});

test("a test split can be drawn, and the rest thinned", async () => {
  const root = path.join(fixtures, "pages/snappy");
  expect(await failure(root)).toContain("there is no test split — set either test");
  const data = await load(root, { testPerClass: 2, imbalanceRatio: 6 });
  expect([...data.test.labels]).toEqual([0, 0, 1, 1, 2, 2]);
  const counts = [0, 1, 2].map((k) => data.train.labels.filter((label) => label === k).length);
  expect(counts.toSorted((a, b) => b - a)).toEqual([6, 2, 1]);
  const names = [...data.train.images, ...data.test.images].map((image) => "name" in image && image.name);
  expect(new Set(names).size).toBe(15);
  expect((await load(root, { testPerClass: 2, imbalanceRatio: 6 })).digest).toBe(data.digest);
  expect(await failure(root, { testPerClass: 8 })).toContain('the class "red fox" has 8 images');
  expect(await failure(path.join(fixtures, "hub"), { testPerClass: 1 })).toContain(
    "but there is a test split",
  );
});

test("labels that are names", async () => {
  const root = path.join(fixtures, "pages/names");
  const data = await load(root, { testPerClass: 1 });
  expect(data.classNames).toEqual(["blue_whale", "oak", "red fox"]);
  await writeFile(path.join(base, "three.txt"), "whale\noak tree\nfox\n");
  expect((await load(root, { testPerClass: 1, classNames: "three.txt" })).classNames).toEqual([
    "whale",
    "oak tree",
    "fox",
  ]);
  await writeFile(path.join(base, "two.txt"), "whale\noak tree\n");
  expect(await failure(root, { testPerClass: 1, classNames: "two.txt" })).toContain("2 names for 3 classes");
});

test("names from README.md, dataset_infos.json or a file", async () => {
  const root = await copy("odd/no-names");
  const names = async (options: Partial<ParquetOptions> = {}) =>
    (await load(root, { testPerClass: 1, ...options })).classNames;
  expect(await failure(root, { testPerClass: 1 })).toContain(
    'nothing names the numbers in the column "label"',
  );
  const infos = { default: { features: { label: { names: ["x", "y", "z"] } } } };
  await writeFile(path.join(root, "dataset_infos.json"), JSON.stringify(infos));
  expect(await names()).toEqual(["x", "y", "z"]);
  const readme = (subset: string, first: string) => `
- config_name: ${subset}
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
          '0': ${first}
          '1': b
          '2': c`;
  const write = (...subsets: string[]) =>
    writeFile(
      path.join(root, "README.md"),
      `---\nlicense: mit\ndataset_info:${subsets.join("")}\n---\n# Text\n`,
    );
  await write(readme("one", "a"), readme("two", "a"));
  expect(await names()).toEqual(["a", "b", "c"]);
  await write(readme("one", "a"), readme("two", "other"));
  expect(await failure(root, { testPerClass: 1 })).toContain("its subsets name the values");
  await writeFile(path.join(base, "given.txt"), "one\ntwo\nthree\n");
  expect(await names({ classNames: "given.txt" })).toEqual(["one", "two", "three"]);
  await writeFile(path.join(base, "short.txt"), "one\ntwo\n");
  expect(await failure(root, { testPerClass: 1, classNames: "short.txt" })).toContain(
    "row 2 has the label 2, which is none of the 2 classes",
  );
});

test("what cannot be used is named with what to do", async () => {
  const hub = path.join(fixtures, "hub");
  expect(await failure(path.join(base, "nowhere"))).toContain("the folder cannot be read");
  await mkdir(path.join(base, "empty"));
  expect(await failure(path.join(base, "empty"))).toContain("there is no parquet file");
  expect(await failure(hub, { train: "big" })).toContain(
    'no parquet file of a split "big" — the files are of test, train',
  );
  expect(await failure(fixtures)).toContain("belong to several subsets: hub/data, ");
  expect(await failure(hub, { labelColumn: "y" })).toContain(
    '/dataset/labelColumn: there is no column "y" — the columns',
  );
  expect(await failure(hub, { imageColumn: "label" })).toContain(
    'the column "label" holds no compressed images',
  );
  expect(await failure(hub, { labelColumn: "image" })).toContain("row 0 has the label {");
  expect(await failure(path.join(fixtures, "odd/hidden"))).toContain("the hub hides the labels");
  const part = await copy("hub");
  await rm(path.join(part, "data/train-00001-of-00002.parquet"));
  expect(await failure(part)).toContain("1 of the 2 parquet files of train are there");
  await rm(path.join(part, "data/train-00000-of-00002.parquet"));
  expect(await failure(part)).toContain("there is no parquet file of a training split");
});

test("an image that is not in the file is told when it is read", async () => {
  const data = await load(path.join(fixtures, "odd/null"), { testPerClass: 1 });
  const all = await Promise.allSettled(
    [...data.train.images, ...data.test.images].map((image) => image.kind === "encoded" && image.bytes()),
  );
  const failed = all.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
  expect(failed).toEqual([expect.stringContaining("train.parquet: row 4 has no image bytes in image.bytes")]);
});

test("unpacked images are used again, and made again when they are damaged", async () => {
  const root = await copy("hub");
  const cache = path.join(base, "cache/parquet-images");
  await rm(cache, { recursive: true, force: true });
  const readAll = async () => {
    const data = await load(root);
    return Promise.all(data.train.images.map((_, i) => bytesOf(data, "train", i)));
  };
  const first = await readAll();
  const files = (await readdir(cache, { recursive: true })).filter((name) => name.endsWith(".bin"));
  // Row groups of 4, 4 and 1 rows, and of 4 and 1, each with one page.
  expect(files).toHaveLength(5);
  const times = await Promise.all(files.map(async (name) => (await stat(path.join(cache, name))).mtimeMs));
  expect(await readAll()).toEqual(first);
  const again = await Promise.all(files.map(async (name) => (await stat(path.join(cache, name))).mtimeMs));
  expect(again).toEqual(times);
  for (const [i, name] of files.entries()) await truncate(path.join(cache, name), i * 20);
  expect(await readAll()).toEqual(first);
});

test("a damaged file is an error for the user or reads as something, and never more", async () => {
  const original = await readFile(path.join(fixtures, "pages/dictionary-overflow/train.parquet"));
  const root = path.join(base, "damaged");
  await mkdir(root);
  const edit = fc.tuple(fc.nat(original.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.nat(3).map((n) => (n === 0 ? 0.7 : 1)),
      async (edits, keep) => {
        const bytes = Buffer.from(original);
        for (const [at, value] of edits) bytes[at] = value;
        await writeFile(path.join(root, "train.parquet"), bytes.subarray(0, Math.floor(bytes.length * keep)));
        try {
          const data = await load(root, { testPerClass: 1 });
          for (const i of data.train.images.keys()) await bytesOf(data, "train", i);
        } catch (error) {
          if (!(error instanceof DualtailError)) throw error;
        }
      },
    ),
    { numRuns: 50 },
  );
});

test.each([
  ["data/train-00000-of-00002.parquet", "train", "data", 2],
  ["train-00000-of-00001-abc123ef.parquet", "train", ".", 1],
  ["default/partial-train/0000.parquet", "train", "default", undefined],
  ["val.parquet", "val", ".", undefined],
  ["sub/validation_3.parquet", "validation", "sub", undefined],
])("%s is of split %s in %s", (file, split, subset, of) => {
  expect(placeOf(file)).toEqual({ file, split, subset, ...(of === undefined ? {} : { of }) });
});
