import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DatasetContext } from "../../../core/plugin-api/index.ts";
import { plugin } from "./index.ts";
import { selectRecords } from "./select.ts";

const RECORD = 3074;
const PER_CLASS = 10;
const value = (record: number, at: number) => (record * 7 + at * 13 + (at >> 8)) & 255;

let base: string;
let context: DatasetContext;

/** Records whose label is `i % 100`, with pixels by a formula. */
function records(count: number): Uint8Array {
  const bytes = new Uint8Array(count * RECORD);
  for (let i = 0; i < count; i++) {
    bytes.set([i % 20, i % 100], i * RECORD);
    for (let at = 0; at < 3072; at++) bytes[i * RECORD + 2 + at] = value(i, at);
  }
  return bytes;
}

async function archive(folder: string, change: Partial<Record<string, string | Uint8Array>> = {}) {
  await mkdir(path.join(base, folder), { recursive: true });
  const files = {
    "train.bin": records(100 * PER_CLASS),
    "test.bin": records(200),
    "fine_label_names.txt": `${Array.from({ length: 100 }, (_, k) => `class_${k}`).join("\n")}\n`,
    ...change,
  };
  for (const [name, content] of Object.entries(files)) {
    if (content !== undefined) await writeFile(path.join(base, folder, name), content);
  }
}

beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), "cifar100-"));
  context = { cacheDir: base, baseDir: base, seed: 3, progress: () => () => {}, warn: () => {} };
  await archive("data/cifar-100-binary");
});
afterAll(() => rm(base, { recursive: true, force: true }));

const load = (root: string, imbalanceRatio = 10) => plugin.load(context, { root, imbalanceRatio });
const failure = (root: string) =>
  load(root).then(
    () => "loaded",
    (error: Error & { oneLine?: string }) => error.oneLine ?? error.message,
  );

test("planes become interleaved pixels, names and labels are those of the archive", async () => {
  const data = await load("data", 1);
  expect(data.name).toBe("cifar100");
  expect(data.classNames[99]).toBe("class_99");
  expect(data.train.labels).toHaveLength(1000);
  const image = data.train.images[637];
  if (image?.kind !== "pixels") throw new Error("no pixels");
  expect([image.width, image.height, image.channels]).toEqual([32, 32, 3]);
  expect(data.train.labels[637]).toBe(37);
  for (const [x, y] of [
    [0, 0],
    [31, 5],
    [7, 31],
  ] as const) {
    const at = y * 32 + x;
    expect([...image.data.subarray(3 * at, 3 * at + 3)]).toEqual([
      value(637, at),
      value(637, 1024 + at),
      value(637, 2048 + at),
    ]);
  }
});

test("the tail follows the class index, and every ratio has the groups of ratio 100", async () => {
  const [ten, hundred] = [await load("data/cifar-100-binary", 10), await load("data", 10 ** 0.5)];
  const counts = ten.classNames.map((_, k) => ten.train.labels.filter((label) => label === k).length);
  expect([counts[0], counts[99]]).toEqual([10, 1]);
  expect(counts.toSorted((a, b) => b - a)).toEqual(counts);
  expect(ten.test.labels).toHaveLength(200);
  expect(ten.groupCounts).toEqual(hundred.groupCounts);
  expect(ten.digest).toBe((await load("data", 10)).digest);
  expect(ten.digest).not.toBe(hundred.digest);
});

test("the choice depends on the records' order alone", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 80 }), (labels) => {
      const available = [0, 1, 2, 3, 4].map((k) => labels.filter((label) => label === k).length);
      const counts = available.map((n) => Math.ceil(n / 2));
      const kept = [...selectRecords(labels, counts)];
      expect(new Set(kept).size).toBe(kept.length);
      expect(kept.map((record) => labels[record])).toEqual(counts.flatMap((n, k) => Array(n).fill(k)));
    }),
  );
});

test("archives that cannot be read are told apart", async () => {
  expect(await failure("nowhere")).toContain("where cifar-100-binary.tar.gz was unpacked");
  await mkdir(path.join(base, "py/cifar-100-python"), { recursive: true });
  expect(await failure("py")).toContain("pickle files can run code — use the binary version");
  await archive("meta", { meta: "x", train: "x" });
  await rm(path.join(base, "meta/train.bin"));
  expect(await failure("meta")).toContain("train.bin: does not exist, though other files");
  for (const file of ["test.bin", "fine_label_names.txt"]) await rm(path.join(base, "meta", file));
  expect(await failure("meta")).toContain("CIFAR-100's Python version");
  await mkdir(path.join(base, "packed"));
  await writeFile(path.join(base, "packed/cifar-100-binary.tar.gz"), "x");
  expect(await failure("packed")).toContain("is not unpacked — tar xzf");
});

test("damaged files are named", async () => {
  await archive("cut", { "train.bin": records(100).subarray(0, 90_000) });
  expect(await failure("cut")).toContain("train.bin: 90000 bytes are not a whole number of records");
  await archive("empty", { "test.bin": new Uint8Array(0) });
  expect(await failure("empty")).toContain("test.bin: 0 bytes");
  const wrong = records(300);
  wrong[123 * RECORD + 1] = 100;
  await archive("label", { "train.bin": wrong });
  expect(await failure("label")).toContain("train.bin: record 123 has the labels 3 and 100");
  const skewed = records(1000);
  skewed[RECORD] = 0;
  for (let i = 1; i < 1000; i += 100) skewed[i * RECORD + 1] = 0;
  await archive("skewed", { "train.bin": skewed });
  expect(await failure("skewed")).toContain("train.bin: class 1 has 0 records of the 9 that it needs");
  await archive("names", { "fine_label_names.txt": "apple\n" });
  expect(await failure("names")).toContain("has 1 names, CIFAR-100 has 100");
});
