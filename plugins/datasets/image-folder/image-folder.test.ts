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
let warnings: string[] = [];
const context = (seed = 0): DatasetContext => ({
  cacheDir: base,
  baseDir: base,
  seed,
  progress: () => () => {},
  warn: (message) => warnings.push(message),
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

/** Folder with images at these paths. */
async function folderOf(name: string, images: readonly string[], files: Record<string, string> = {}) {
  for (const [i, file] of images.entries()) await image(path.join(base, name, file), i);
  for (const [file, content] of Object.entries(files)) await writeFile(path.join(base, name, file), content);
  warnings = [];
  return name;
}
const relative = (root: string, images: readonly { readonly kind: string; readonly path?: string }[]) =>
  images.map((image) => path.relative(path.join(base, root), image.path ?? ""));

test.each([
  ["training", "dev", "eval"],
  ["data/train", "data/valid", "data/testing"],
])("folders that are called %s, %s and %s", async (train, validation, test) => {
  const root = await folderOf(`alias-${train.replace("/", "-")}`, [
    `${train}/a/1.png`,
    `${train}/b/1.png`,
    `${validation}/b/2.png`,
    `${test}/a/3.png`,
    `${test}/b/3.png`,
  ]);
  const data = await plugin.load(context(), { root });
  expect(data.validation?.labels).toEqual(Int32Array.of(1));
  expect(relative(root, data.test.images)).toEqual([`${test}/a/3.png`, `${test}/b/3.png`]);
});

test("without splits the test split is drawn, class by class", async () => {
  const root = await folderOf("whole", ["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png"]);
  expect(await failure({ root })).toContain("whole: there is no test folder");
  const data = await plugin.load(context(), { root, testPerClass: 1 });
  expect([[...data.train.labels], [...data.test.labels]]).toEqual([
    [0, 0, 1],
    [0, 1],
  ]);
  expect(relative(root, [...data.train.images, ...data.test.images]).toSorted()).toEqual([
    "a/1.png",
    "a/2.png",
    "a/3.png",
    "b/1.png",
    "b/2.png",
  ]);
  expect(await failure({ root, testPerClass: 2 })).toContain('the class "b" has 2 images');
  expect(await failure({ root: "good", testPerClass: 1 })).toContain(
    "/dataset/testPerClass: there is a test folder",
  );
});

test("classes in folders of folders: the innermost, unless told otherwise", async () => {
  const root = await folderOf("nested", [
    "train/animal/fox/1.png",
    "train/plant/oak/1.png",
    "test/animal/fox/2.png",
    "test/plant/oak/2.png",
  ]);
  expect((await plugin.load(context(), { root })).classNames).toEqual(["fox", "oak"]);
  expect(warnings).toEqual([expect.stringContaining("the innermost folders are the classes")]);
  const outer = await plugin.load(context(), { root, classFolder: "outer" });
  expect(outer.classNames).toEqual(["animal", "plant"]);
  expect((await plugin.load(context(), { root, classFolder: "inner" })).train.labels).toHaveLength(2);
  expect(warnings).toHaveLength(1);
});

test("metadata.csv in each split", async () => {
  const root = await folderOf(
    "csv",
    ["train/1.png", "train/more/2.png", "train/3.png", "test/1.png", "test/2.png"],
    {
      "train/metadata.csv": 'file_name,text,species\n1.png,"a, b",oak\nmore/2.png,,"red ""fox"""\n',
      "test/metadata.csv": 'file_name,species\r\n1.png,oak\r\n2.png,"red ""fox"""\r\n',
    },
  );
  const data = await plugin.load(context(), { root, labelColumn: "species" });
  expect(data.classNames).toEqual(["oak", 'red "fox"']);
  expect(relative(root, data.train.images)).toEqual(["train/1.png", "train/more/2.png"]);
  expect(warnings).toEqual([expect.stringContaining("does not list 1 of the training images")]);
  expect(await failure({ root, labelColumn: "genus" })).toContain('has no column "genus"');
});

test("one metadata.jsonl for all splits, with numbers as labels", async () => {
  const row = (file_name: string, label: number) => JSON.stringify({ file_name, label });
  const rows = [row("train/1.png", 10), row("train/2.png", 9), row("test/1.png", 9), row("test/2.png", 10)];
  const root = await folderOf("jsonl", ["train/1.png", "train/2.png", "test/1.png", "test/2.png"], {
    "metadata.jsonl": rows.join("\n"),
    "names.txt": "nine\nten\n",
  });
  const data = await plugin.load(context(), { root, classNames: "jsonl/names.txt" });
  expect(data.classNames).toEqual(["nine", "ten"]);
  expect(relative(root, data.train.images)).toEqual(["train/2.png", "train/1.png"]);
  expect((await plugin.load(context(), { root })).classNames).toEqual(["9", "10"]);
  expect(warnings).toEqual([expect.stringContaining("the classes are only numbers, 9 to 10")]);
});

test("metadata without labels leaves the folders to say them", async () => {
  const root = await folderOf(
    "captions",
    ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"],
    {
      "metadata.csv": "file_name,text\ntrain/a/1.png,x\n",
    },
  );
  expect((await plugin.load(context(), { root })).classNames).toEqual(["a", "b"]);
  expect(warnings.join()).toContain('metadata.csv has no column "label": the folders are the classes');
});

test.each([
  ["metadata.csv", "file_name,label\n1.png\n", "metadata.csv:2: has 1 fields, the first line 2"],
  ["metadata.csv", "file_name,label\n1.png,a\n9.png,a\n", "metadata.csv:3: the image "],
  ["metadata.csv", "file_name,label\n1.png,a\n1.png,a\n", "metadata.csv:3: 1.png comes twice"],
  ["metadata.csv", "file_name,label\n1.png,\n", 'metadata.csv:2: has no label in the column "label"'],
  ["metadata.csv", "file_name,label\n../x.png,a\n", "metadata.csv:2: ../x.png lies outside"],
  ["metadata.csv", 'file_name,label\n"1.png,a\n', "metadata.csv:2: a quoted field is not closed"],
  ["metadata.csv", "file,label\n1.png,a\n", "has no column file_name"],
  ["metadata.csv", "", "the metadata file is empty"],
  ["metadata.jsonl", '{"file_name": "1.png", "label": "a"}\n{', "metadata.jsonl:2: is not JSON"],
  ["metadata.jsonl", '{"file_name": 3, "label": "a"}', "metadata.jsonl:1: has no file_name"],
  ["metadata.jsonl", "[]", "metadata.jsonl:1: is not a JSON object"],
])("%s with %j is refused", async (name, content, message) => {
  const root = await folderOf(`bad${fresh++}`, ["train/1.png", "test/1.png"], { [`train/${name}`]: content });
  expect(await failure({ root })).toContain(message);
});
