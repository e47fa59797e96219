import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { spearman } from "../../core/evaluation/index.ts";
import type { Dataset, DatasetContext } from "../../core/plugin-api/index.ts";
import { plugin } from "../../plugins/datasets/icons-lt/index.ts";
import { coarseKey, exactKey } from "../../plugins/datasets/icons-lt/likeness.ts";
import { digestOf } from "../../plugins/datasets/shared/digest.ts";
import { conceptCounts, drawCorpus } from "./corpus.ts";
import { IMAGE_SIZE, type PretrainPool, readPretrainPool } from "./pool.ts";
import { type CorpusName, recipes } from "./recipes.ts";

let context: DatasetContext;
let pool: PretrainPool;
let downstream: Dataset;
const names = Object.keys(recipes) as CorpusName[];
const classCounts = (name: CorpusName) => conceptCounts(pool, recipes[name]).slice(0, pool.classes);

beforeAll(async () => {
  const cacheDir = await mkdtemp(path.join(tmpdir(), "corpus-"));
  context = { cacheDir, baseDir: cacheDir, seed: 0, progress: () => () => {}, warn: () => {} };
  pool = await readPretrainPool(context);
  downstream = await plugin.load(context, {});
});
afterAll(() => rm(context.cacheDir, { recursive: true, force: true }));

test("no picture and no look of the downstream task is pre-trained on, no picture twice", () => {
  const { train, validation, test: tested } = downstream;
  const looks = new Set(
    [train, validation!, tested].flatMap(({ images }) =>
      images.map((image) => (image.kind === "pixels" ? coarseKey(image.data, IMAGE_SIZE) : "")),
    ),
  );
  const all = pool.items.flat();
  expect(all.filter(({ pixels }) => looks.has(coarseKey(pixels, IMAGE_SIZE)))).toEqual([]);
  expect(all.filter(({ role }) => role !== "pretrain")).toEqual([]);
  expect(new Set(all.map(({ pixels }) => exactKey(pixels))).size).toBe(all.length);
  expect(pool.concepts.slice(0, pool.classes)).toEqual(downstream.classNames);
});

test("the counts recorded are the counts drawn, and the same each time", () => {
  for (const name of names) {
    const corpus = drawCorpus(name, pool, recipes[name]);
    const counted = corpus.concepts.map(() => 0);
    for (const { concept } of corpus.items) counted[concept]!++;
    expect(corpus.concepts.map((concept) => corpus.record.counts[concept])).toEqual(counted);
    expect(corpus.record.images).toBe(corpus.items.length);
    const again = drawCorpus(name, pool, recipes[name]);
    expect(again.record).toEqual(corpus.record);
    // Element by element, 15,000 pictures would take minutes.
    expect(digestOf(again.items.map(({ pixels }) => pixels))).toBe(
      digestOf(corpus.items.map(({ pixels }) => pixels)),
    );
  }
});

test("clip and openclip are long-tailed at ratio 100, metaclip is flat, all of about one size", () => {
  for (const name of ["clip", "openclip"] as const) {
    const counts = classCounts(name).toSorted((a, b) => b - a);
    expect([counts[0], counts.at(-1)]).toEqual([100, 1]);
  }
  const { cap } = recipes.metaclip;
  expect(classCounts("metaclip").filter((n) => n === cap).length).toBeGreaterThan(100);
  const sizes = names.map((name) => conceptCounts(pool, recipes[name]).reduce((a, b) => a + b));
  expect(Math.min(...sizes)).toBeGreaterThan(14_000);
  expect(Math.max(...sizes) / Math.min(...sizes)).toBeLessThan(1.1);
});

test("the orders of both long tails are independent of each other and of the downstream counts", () => {
  const train = downstream.classNames.map((_, y) => downstream.train.labels.filter((l) => l === y).length);
  const [clip, openclip] = [classCounts("clip"), classCounts("openclip")];
  for (const [a, b] of [
    [clip, train],
    [openclip, train],
    [clip, openclip],
  ] as const) {
    expect(Math.abs(spearman(a, b)!)).toBeLessThan(0.1);
  }
});
