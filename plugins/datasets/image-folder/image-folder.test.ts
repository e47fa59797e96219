import { appendFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DatasetContext } from "../../../core/plugin-api/index.ts";
import { plugin } from "./index.ts";

let base: string;
let fresh = 0;
beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), "image-folder-"));
  for (const [split, per] of [
    ["train", 6],
    ["val", 1],
    ["test", 2],
  ] as const) {
    for (const [label, name] of ["red_fox", "blue_whale", "oak"].entries()) {
      for (let i = 0; i < per; i++)
        await image(path.join(base, "good", split, name, `${i}.png`), label * 80 + i);
    }
  }
  await image(path.join(base, "good/train/oak/more/deep.JPG"), 9);
  await writeFile(path.join(base, "good/train/oak/notes.txt"), "no image");
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function image(file: string, shade: number) {
  await mkdir(path.dirname(file), { recursive: true });
  await sharp({ create: { width: 6, height: 5, channels: 3, background: { r: shade, g: 0, b: 0 } } }).toFile(
    file,
  );
}
/** A copy of the good folder to spoil. */
async function copy(): Promise<string> {
  const name = `copy${fresh++}`;
  await cp(path.join(base, "good"), path.join(base, name), { recursive: true });
  return name;
}
const context = (seed = 0): DatasetContext => ({
  cacheDir: base,
  baseDir: base,
  seed,
  progress: () => () => {},
  warn: () => {},
});
const failure = (options: Parameters<typeof plugin.load>[1]) =>
  plugin.load(context(), options).then(
    () => "loaded",
    (error: Error) => `${error.name}: ${error.message}`,
  );

test("classes, labels and files of an image folder, nested images and val included", async () => {
  const data = await plugin.load(context(), { root: "good" });
  expect(data.classNames).toEqual(["blue_whale", "oak", "red_fox"]);
  expect(data.train.images).toHaveLength(19);
  expect([...data.validation!.labels]).toEqual([0, 1, 2]);
  expect([...data.test.labels]).toEqual([0, 0, 1, 1, 2, 2]);
  data.train.images.forEach((image, i) => {
    const file = image.kind === "file" ? image.path : "";
    expect(path.relative(path.join(base, "good/train"), file).split(path.sep)[0]).toBe(
      data.classNames[data.train.labels[i]!],
    );
  });
  expect(
    data.train.images.filter((image) => image.kind === "file" && image.path.endsWith("deep.JPG")),
  ).toHaveLength(1);
});

test("the digest follows names and sizes, not the place", async () => {
  const { digest } = await plugin.load(context(), { root: "good" });
  const other = await copy();
  expect((await plugin.load(context(), { root: other })).digest).toBe(digest);
  await appendFile(path.join(base, other, "train/oak/0.png"), "x");
  expect((await plugin.load(context(), { root: other })).digest).not.toBe(digest);
});

test("splits may lie anywhere", async () => {
  const data = await plugin.load(context(), { train: "good/train", test: path.join(base, "good/test") });
  expect(data.validation).toBeUndefined();
  expect(data.test.images).toHaveLength(6);
});

test("names for prompts, by folder or by order", async () => {
  await writeFile(path.join(base, "tabs.txt"), "red_fox\tfox\noak\toak tree\n\nblue_whale\tblue whale\n");
  await writeFile(path.join(base, "order.txt"), "whale\r\noak\r\nfox\r\n");
  const named = async (classNames: string) =>
    (await plugin.load(context(), { root: "good", classNames })).classNames;
  expect(await named("tabs.txt")).toEqual(["blue whale", "oak tree", "fox"]);
  expect(await named("order.txt")).toEqual(["whale", "oak", "fox"]);
});

test("a long tail by subsampling, the same for the same seed", async () => {
  const load = (seed: number) =>
    plugin.load(context(seed), { root: "good", imbalanceRatio: 6, maxPerClass: 6 });
  const counts = (labels: Int32Array) => [0, 1, 2].map((y) => labels.filter((l) => l === y).length);
  const [first, again] = [await load(0), await load(0)];
  expect(counts(first.train.labels).toSorted((a, b) => b - a)).toEqual([6, 2, 1]);
  expect(first.digest).toBe(again.digest);
  const digests = await Promise.all([1, 2, 3, 4].map(async (seed) => (await load(seed)).digest));
  expect(new Set([first.digest, ...digests]).size).toBeGreaterThan(1);
  expect(first.test.images).toHaveLength(6);
});

test("bad folders are named", async () => {
  expect(await failure({})).toContain('"train", or "root"');
  expect(await failure({ root: "nowhere" })).toContain(
    `${path.join(base, "nowhere/train")}: the training folder does not exist`,
  );
  expect(await failure({ train: "good/train/oak/0.png", test: "good/test" })).toContain("is not a folder");
  expect(await failure({ train: "good/train/oak/more", test: "good/test" })).toContain("has no sub-folder");
  expect(await failure({ root: "good", validation: "gone" })).toContain(
    "the validation folder does not exist",
  );
});

test("a class with no training image is named with its folder", async () => {
  const root = await copy();
  await rm(path.join(base, root, "train/red_fox"), { recursive: true });
  await mkdir(path.join(base, root, "train/red_fox"));
  await writeFile(path.join(base, root, "train/red_fox/readme.md"), "soon");
  const folder = path.join(base, root, "train/red_fox");
  expect(await failure({ root })).toBe(`DualtailError: ${folder}: the class "red_fox" has no training image`);
});

test("a class that only test or validation knows, and a class that test lacks", async () => {
  const root = await copy();
  await image(path.join(base, root, "val/elm/0.png"), 3);
  expect(await failure({ root })).toContain('the class "elm" has no training image');
  await rm(path.join(base, root, "val"), { recursive: true });
  await image(path.join(base, root, "test/elm/0.png"), 3);
  expect(await failure({ root })).toContain(
    `${path.join(base, root, "test/elm")}: the class "elm" has no training image`,
  );
  await rm(path.join(base, root, "test/elm"), { recursive: true });
  await rm(path.join(base, root, "test/oak"), { recursive: true });
  expect(await failure({ root })).toContain('the class "oak" has no test image');
});

test("bad name files are named with their line", async () => {
  const file = async (content: string) => {
    await writeFile(path.join(base, "bad.txt"), content);
    return failure({ root: "good", classNames: "bad.txt" });
  };
  expect(await file("one\ntwo\n")).toContain("bad.txt: 2 names for 3 class folders");
  expect(await file("oak\toak\nred_fox fox\n")).toContain(
    'bad.txt:2: "red_fox fox" is not a folder, a tab and a name',
  );
  expect(await file("oak\ta\noak\tb\n")).toContain('bad.txt:2: the folder "oak" is named twice');
  expect(await file("oak\ta\nred_fox\tb\n")).toContain('no name for the class folder "blue_whale"');
  expect(await file("\n")).toContain("is empty");
  expect(await failure({ root: "good", classNames: "none.txt" })).toContain(
    "none.txt: the class name file does not exist",
  );
});
