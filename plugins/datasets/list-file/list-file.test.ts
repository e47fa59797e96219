import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DatasetContext } from "../../../core/plugin-api/index.ts";
import { type ListFileOptions, plugin } from "./index.ts";

let base: string;
let context: DatasetContext;
const options: ListFileOptions = {
  root: "images",
  train: "train.txt",
  validation: "val.txt",
  test: "test.txt",
  classNames: "names.txt",
};

beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), "list-file-"));
  context = { cacheDir: base, baseDir: base, seed: 0, progress: () => () => {}, warn: () => {} };
  await mkdir(path.join(base, "images/a b"), { recursive: true });
  for (const name of ["0.png", "1.png", "2.png", "a b/3.png"]) {
    const create = { width: 4, height: 4, channels: 3, background: "#369" } as const;
    await sharp({ create }).toFile(path.join(base, "images", name));
  }
  await writeFile(path.join(base, "names.txt"), "red fox\nblue whale\n");
  await writeFile(path.join(base, "train.txt"), "0.png 0\n\n1.png 0\r\na b/3.png 1\n");
  await writeFile(path.join(base, "val.txt"), "2.png\t1");
  await writeFile(path.join(base, "test.txt"), "1.png 0\n2.png 1\n");
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function failure(file: string, content: string, key: keyof ListFileOptions): Promise<string> {
  await writeFile(path.join(base, file), content);
  return plugin.load(context, { ...options, [key]: file }).then(
    () => "loaded",
    (error: Error) => error.message,
  );
}

test("paths, labels and names", async () => {
  const data = await plugin.load(context, options);
  expect(data.classNames).toEqual(["red fox", "blue whale"]);
  expect([...data.train.labels]).toEqual([0, 0, 1]);
  expect(data.train.images[2]).toEqual({ kind: "file", path: path.join(base, "images/a b/3.png") });
  expect([...data.validation!.labels]).toEqual([1]);
  expect((await plugin.load(context, { ...options, validation: undefined })).validation).toBeUndefined();
});

test("the digest follows labels and files", async () => {
  const { digest } = await plugin.load(context, options);
  expect((await plugin.load(context, options)).digest).toBe(digest);
  await writeFile(path.join(base, "swapped.txt"), "0.png 1\n1.png 0\na b/3.png 1\n");
  expect((await plugin.load(context, { ...options, train: "swapped.txt" })).digest).not.toBe(digest);
});

test.each([
  ["0.png 0\n1.png\n", "t1.txt:2", "is not a path and a label"],
  ["0.png 0\n1.png one\n", "t1.txt:2", "is not a path and a label"],
  ["0.png 0\n\n1.png -1\n", "t1.txt:3", "is not a path and a label"],
  ["0.png 2\n", "t1.txt:1", "the label 2 is not one of the 2 classes"],
  ["0.png 0\nno.png 1\n", "t1.txt:2", "no.png does not exist"],
  ["0.png 0\na b 1\n", "t1.txt:2", "a b does not exist"],
  ["\n\n", "t1.txt", "the training list is empty"],
  ["0.png 0\n", "t1.txt", 'the class "blue whale" (label 1) has no training image'],
])("%j is refused at %s", async (content, where, why) => {
  const message = await failure("t1.txt", content, "train");
  expect(message).toContain(`${path.join(base, where)}: `);
  expect(message).toContain(why);
});

test("other files are checked alike", async () => {
  expect(await failure("v1.txt", "2.png 7\n", "validation")).toContain("v1.txt:1: the label 7");
  expect(await failure("e1.txt", "2.png 1\n", "test")).toContain(
    'the class "red fox" (label 0) has no test image',
  );
  expect(await failure("n1.txt", "", "classNames")).toContain("n1.txt: the class name file is empty");
  const gone = plugin.load(context, { ...options, test: "gone.txt" });
  await expect(gone).rejects.toThrow("gone.txt: the test list does not exist");
});
