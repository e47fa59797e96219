import { expect, test } from "vitest";
import { spearman } from "../../core/evaluation/index.ts";
import { uniform } from "../../plugins/datasets/shared/random.ts";
import { orderedCounts } from "../corpus/ordered.ts";
import { towerRecipe, towers } from "./towers.ts";

// 120 downstream classes with 13 to 150 pictures and 1,000 other concepts: the pool's shape without its pictures.
const CLASSES = 120;
const draw = uniform("towers.test", 7);
const available = Array.from({ length: CLASSES + 1000 }, (_, i) =>
  i < CLASSES ? 13 + Math.floor(137 * draw()) : 6 + Math.floor(20 * draw()),
);
const downstream = Array.from({ length: CLASSES }, (_, k) => 1 + ((k * 37) % CLASSES));

const corpora = towers.map((tower) => {
  const recipe = towerRecipe(tower, downstream);
  if (recipe.kind !== "ordered") throw new TypeError("a sweep corpus has an order");
  return { tower, counts: orderedCounts(available, CLASSES, recipe) };
});

test("no corpus takes more than there is, and all but the order and skew are equal", () => {
  const sums = corpora.map(({ counts }) => counts.slice(0, CLASSES).reduce((a, b) => a + b));
  expect(Math.max(...sums) / Math.min(...sums)).toBeLessThan(1.05);
  for (const { counts } of corpora) {
    expect(counts.every((count, i) => count >= 1 && count <= available[i]!)).toBe(true);
    expect(counts.slice(CLASSES)).toEqual(corpora[0]!.counts.slice(CLASSES));
  }
});

test("the skew is the one asked for, its order stands to the downstream counts as its name says", () => {
  for (const { tower, counts } of corpora) {
    const own = counts.slice(0, CLASSES);
    const ratio = Math.max(...own) / Math.min(...own);
    const correlation = spearman(own, downstream)!;
    if (tower.skew === "flat") expect(ratio).toBeLessThan(1.5);
    if (tower.skew === "mild") expect(ratio).toBeCloseTo(9, 0);
    if (tower.skew === "strong") expect(ratio).toBeGreaterThan(80);
    if (tower.alignment === "aligned") expect(correlation).toBeGreaterThan(0.9);
    if (tower.alignment === "opposed") expect(correlation).toBeLessThan(-0.8);
    if (tower.alignment === "independent") expect(Math.abs(correlation)).toBeLessThan(0.15);
  }
});
