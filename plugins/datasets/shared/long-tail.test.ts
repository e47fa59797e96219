import fc from "fast-check";
import { expect, test } from "vitest";
import { drawOrder, largestFirst, longTailCounts } from "./long-tail.ts";
import { shuffled, uniform } from "./random.ts";

const ratio = fc.integer({ min: 1, max: 200 });

test("counts fall from n_1 to n_1 / IR, never below one image", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 150 }),
      fc.integer({ min: 1, max: 5000 }),
      ratio,
      (k, first, ir) => {
        const counts = longTailCounts(k, first, ir);
        expect(counts).toHaveLength(k);
        expect(counts[0]).toBe(first);
        expect(counts.at(-1)).toBe(Math.max(1, Math.round(first / ir)));
        for (let i = 1; i < k; i++) expect(counts[i]).toBeLessThanOrEqual(counts[i - 1]!);
      },
    ),
  );
});

test("CIFAR-100-LT at ratio 100: 500 images down to 5, about 10,847 in all", () => {
  const counts = longTailCounts(100, 500, 100);
  expect([counts[0], counts[99]]).toEqual([500, 5]);
  expect(Math.abs(counts.reduce((a, b) => a + b) - 10847)).toBeLessThan(60);
});

test("the order drawn gives every class one rank that its images fill, and one more image would not fit", () => {
  const available = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 2, maxLength: 40 });
  fc.assert(
    fc.property(available, ratio, fc.integer(), (images, ir, seed) => {
      const first = largestFirst(images, ir);
      const counts = longTailCounts(images.length, first, ir);
      const order = drawOrder(images, counts, uniform("test", seed));
      expect([...order].sort((a, b) => a - b)).toEqual(images.map((_, i) => i));
      order.forEach((label, rank) => {
        expect(images[label]).toBeGreaterThanOrEqual(counts[rank]!);
      });
      const sorted = [...images].sort((a, b) => b - a);
      expect(longTailCounts(images.length, first + 1, ir).some((n, k) => n > sorted[k]!)).toBe(true);
    }),
  );
});

test("a class without images leaves no long tail", () => {
  expect(largestFirst([50, 0, 20], 10)).toBe(0);
  expect(() => drawOrder([1, 1], [1, 2], uniform(0))).toThrow("2 images");
});

test("streams depend on every part of their key", () => {
  const draws = (...key: (string | number)[]) => Array.from({ length: 4 }, uniform(...key));
  expect(draws("a", 1)).toEqual(draws("a", 1));
  expect(draws("a", 1)).not.toEqual(draws("a", 2));
  expect(draws("a", 1)).not.toEqual(draws("b", 1));
  expect(draws("ab", "c")).not.toEqual(draws("a", "bc"));
  const items = Array.from({ length: 50 }, (_, i) => i);
  const mixed = shuffled(items, uniform("mix"));
  expect(mixed).not.toEqual(items);
  expect(mixed.toSorted((a, b) => a - b)).toEqual(items);
});
