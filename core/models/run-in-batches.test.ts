import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runInBatches } from "./run-in-batches.ts";

describe("runInBatches", () => {
  it("averages over an image's views, whatever the batch size, and drops padding", async () => {
    const sizes = fc.record({
      count: fc.integer({ min: 1, max: 9 }),
      views: fc.integer({ min: 1, max: 10 }),
      batch: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ count, views, batch }) => {
        // A view holds two numbers, the image's and its own; a row holds their sum and both of them.
        const perView = 2;
        let [done, runs] = [0, 0];
        const out = await runInBatches(
          {
            count,
            views,
            perView,
            onBatch: (n) => {
              done += n;
            },
            async fill(indices, pixels) {
              expect(pixels.length).toBe(indices.length * views * perView);
              for (let i = 0; i < indices.length * views; i++)
                pixels.set([100 * indices[Math.floor(i / views)]!, i % views], i * perView);
            },
          },
          batch,
          { sum: 1, both: 2 },
          async (pixels) => {
            runs++;
            expect(pixels.length).toBe(batch * perView);
            const rows = Array.from({ length: batch }, (_, i) => [pixels[2 * i]!, pixels[2 * i + 1]!]);
            return {
              sum: Float32Array.from(rows, ([a, b]) => a! + b!),
              both: Float32Array.from(rows.flat()),
            };
          },
        );
        const mean = (views - 1) / 2;
        expect(done).toBe(count);
        expect(runs).toBeLessThanOrEqual(count * Math.ceil(views / batch));
        expect(out.sum).toHaveLength(count);
        for (let i = 0; i < count; i++) {
          expect(out.sum[i]).toBeCloseTo(100 * i + mean, 3);
          expect(out.both[2 * i]).toBeCloseTo(100 * i, 3);
          expect(out.both[2 * i + 1]).toBeCloseTo(mean, 3);
        }
      }),
      { numRuns: 60 },
    );
  });
});
