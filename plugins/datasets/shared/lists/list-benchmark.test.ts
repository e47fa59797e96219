import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Dataset, DatasetContext, DatasetPlugin } from "../../../../core/plugin-api/index.ts";
import { plugin as imagenet } from "../../imagenet-lt/index.ts";
import { plugin as inat } from "../../inat2018/index.ts";
import { plugin as places } from "../../places-lt/index.ts";

let base: string;
let warnings: string[];
const made: string[] = [];
beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), "benchmark-"));
  made.push(base);
  warnings = [];
});
afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true }))));

async function write(files: Record<string, string>) {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(base, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}
/** Lists, and an empty file for every image that they name. */
async function writeLists(folder: string, lists: Record<string, readonly string[]>) {
  for (const [name, lines] of Object.entries(lists)) {
    await write({ [path.join(folder, name)]: `${lines.join("\n")}\n` });
    for (const line of lines) await write({ [path.join("images", line.split(" ")[0]!)]: "" });
  }
}
function load<O>(plugin: DatasetPlugin<O>, options: Partial<O> = {}): Promise<Dataset> {
  const context: DatasetContext = {
    cacheDir: base,
    baseDir: base,
    seed: 0,
    progress: () => () => {},
    warn: (message) => warnings.push(message),
  };
  return plugin.load(context, { root: "images", ...options } as unknown as O);
}
const failure = <O>(plugin: DatasetPlugin<O>, options: Partial<O> = {}) =>
  load(plugin, options).then(
    () => "loaded",
    (error: Error & { oneLine?: string }) => error.oneLine ?? error.message,
  );

const imagenetLists = {
  "ImageNet_LT_train.txt": [
    "train/n01440764/a.JPEG 0",
    "train/n01440764/b.JPEG 0",
    "train/n01608432/c.JPEG 1",
  ],
  "ImageNet_LT_val.txt": ["train/n01440764/d.JPEG 0"],
  "ImageNet_LT_test.txt": ["val/e.JPEG 0", "val/f.JPEG 1"],
};
const imagenetNames = "n01440764 tench\nn01608432 kite (bird of prey)\n";

test("ImageNet-LT as LIFT keeps it: lists and names in a folder of their own", async () => {
  await writeLists("lists/ImageNet_LT", imagenetLists);
  await write({ "lists/ImageNet_LT/classnames.txt": imagenetNames });
  const data = await load(imagenet, { lists: "lists" });
  expect(data.name).toBe("imagenet-lt");
  expect(data.classNames).toEqual(["tench", "kite (bird of prey)"]);
  expect([...data.train.labels]).toEqual([0, 0, 1]);
  expect(data.validation?.images).toEqual([
    { kind: "file", path: path.join(base, "images/train/n01440764/d.JPEG") },
  ]);
  expect([...data.test.labels]).toEqual([0, 1]);
  expect(warnings).toEqual([
    expect.stringContaining(
      "3 images of 2 classes, 2 to 1 per class; the benchmark has 115846 images of 1000 classes, 1280 to 5 per class",
    ),
    expect.stringContaining("has 2 images; the benchmark has 50000"),
  ]);
});

test("files beside the images, each of them replaceable, validation optional", async () => {
  await writeLists("images", imagenetLists);
  await write({ "images/classnames.txt": imagenetNames, "other.txt": "n01608432 kite\nn01440764 tench\n" });
  await rm(path.join(base, "images/ImageNet_LT_val.txt"));
  expect((await load(imagenet)).validation).toBeUndefined();
  warnings = [];
  const data = await load(imagenet, { classNames: "other.txt", validation: "images/ImageNet_LT_test.txt" });
  expect(data.classNames).toEqual(["kite", "tench"]);
  expect(data.validation?.labels).toHaveLength(2);
  expect(warnings.join("\n")).toContain(
    `ImageNet_LT_train.txt and the order of ${path.join(base, "other.txt")} disagree on 2 of 2 classes, whose prompts have ` +
      "the wrong name (0 is n01440764 there and n01608432 here, 1 is n01608432 there and n01440764 here)",
  );
});

test("Places-LT keeps underscores and hyphens of its names", async () => {
  await writeLists("images/Places_LT", {
    "Places_LT_train.txt": ["train/airfield/1.jpg 0", "train/arena-hockey/2.jpg 1"],
    "Places_LT_test.txt": ["val/airfield/3.jpg 0", "val/arena-hockey/4.jpg 1"],
  });
  await write({ "images/Places_LT/classnames.txt": "airfield airfield\narena-hockey arena-hockey\n" });
  expect((await load(places)).classNames).toEqual(["airfield", "arena-hockey"]);
  expect(warnings.filter((line) => line.includes("disagree"))).toEqual([]);
});

const category = (id: number, name: string, genus: string) => ({ id, name, genus, kingdom: "Animalia" });
async function writeINat(categories: unknown) {
  await writeLists("images", {
    "iNaturalist18_train.txt": ["x/0.jpg 0", "x/1.jpg 1", "x/2.jpg 2", "x/3.jpg 2"],
    "iNaturalist18_val.txt": ["x/4.jpg 2", "x/5.jpg 0", "x/6.jpg 1"],
  });
  await write({
    "images/categories.json": typeof categories === "string" ? categories : JSON.stringify(categories),
  });
}

test("iNaturalist 2018: species keep their labels, higher levels are sorted by name", async () => {
  await writeINat([
    category(2, "Apis mellifera", "Apis"),
    category(0, "Zea mays", "Zea"),
    category(1, "Apis cerana", "Apis"),
  ]);
  const species = await load(inat);
  expect(species.classNames).toEqual(["Zea mays", "Apis cerana", "Apis mellifera"]);
  expect([...species.test.labels]).toEqual([2, 0, 1]);
  expect(warnings.join()).toContain("the benchmark has 437513 images of 8142 classes");
  warnings = [];
  const genus = await load(inat, { level: "genus" });
  expect(genus.name).toBe("inat2018-genus");
  expect(genus.classNames).toEqual(["Apis", "Zea"]);
  expect([...genus.train.labels]).toEqual([1, 0, 0, 0]);
  expect(genus.digest).not.toBe(species.digest);
  expect(warnings).toEqual([]);
});

test.each([
  ["{", "the category file is not JSON"],
  ["{}", "is not a list of categories"],
  [[{ id: 0 }], "/0 has no name"],
  [[category(0, "a", "A"), category(0, "b", "B")], "/1/id: the category 0 comes twice"],
  [[category(0, "a", "A"), category(2, "b", "B")], "/1/id is 2, which is no label from 0 to 1"],
  [[category(0, "a", "A"), null], "/1 has no name"],
  [
    [category(0, "a", "A"), category(1, "b", "B")],
    "iNaturalist18_train.txt:3: the label 2 is not one of the 2 classes",
  ],
])("categories %j are refused", async (categories, message) => {
  await writeINat(categories);
  expect(await failure(inat)).toContain(message);
});

test("missing and bad files are named with what to do", async () => {
  await write({ "images/x": "" });
  expect(await failure(imagenet)).toBe(
    `${path.join(base, "images/classnames.txt")}: does not exist, neither here nor in ImageNet_LT — ` +
      "set lists to the folder of the list files, or classNames to this file",
  );
  await writeLists("images", imagenetLists);
  await write({ "images/classnames.txt": "n01440764 tench\ntench\n" });
  expect(await failure(imagenet)).toContain(
    'classnames.txt:2: "tench" is not the folder of a class and its name',
  );
  await write({ "images/classnames.txt": "n01440764 tench\nn01440764 kite\n" });
  expect(await failure(imagenet)).toContain("classnames.txt:2: the folder n01440764 is named in line 1 too");
  await write({ "images/classnames.txt": `${imagenetNames}n01614925 eagle\n` });
  expect(await failure(imagenet)).toContain('the class "eagle" (label 2) has no training image');
});

test("a wrong root is found though few images are looked up", async () => {
  await writeLists("images", imagenetLists);
  await write({ "images/classnames.txt": imagenetNames });
  const message = await failure(imagenet, { root: "elsewhere", lists: "images" });
  expect(message).toContain("ImageNet_LT_train.txt:1: the image ");
  expect(message).toContain("elsewhere/train/n01440764/a.JPEG does not exist — check root");
});
