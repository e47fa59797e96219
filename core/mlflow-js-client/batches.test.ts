import fc from "fast-check";
import { expect, it } from "vitest";
import { BATCH_LIMITS, splitBatch } from "./batches.ts";

const metric = fc.record({
  key: fc.string({ minLength: 1, maxLength: 5 }),
  value: fc.double(),
  timestamp: fc.nat(),
  step: fc.nat(),
});
const record = (maxKeys: number, maxLength: number) =>
  fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ unit: "grapheme", maxLength }), { maxKeys });

it("keeps every limit, everything, and the order", () => {
  fc.assert(
    fc.property(
      fc
        .array(metric, { maxLength: 40 })
        .chain((some) => fc.nat(80).map((times) => Array(times).fill(some).flat())),
      record(300, 20),
      record(300, 20),
      fc.nat(9000),
      (metrics, params, tags, padding) => {
        const long = Object.fromEntries(
          Object.entries(params).map(([key, value]) => [key, value.padEnd(padding, "ä")]),
        );
        const batches = splitBatch({ metrics, params: long, tags });
        for (const batch of batches) {
          expect(batch.metrics.length).toBeLessThanOrEqual(1000);
          expect(batch.params.length).toBeLessThanOrEqual(100);
          expect(batch.tags.length).toBeLessThanOrEqual(100);
          const entities = batch.metrics.length + batch.params.length + batch.tags.length;
          expect(entities).toBeGreaterThan(0);
          expect(entities).toBeLessThanOrEqual(1000);
          const body = JSON.stringify({ run_id: "0".repeat(32), ...batch });
          expect(Buffer.byteLength(body)).toBeLessThanOrEqual(BATCH_LIMITS.bytes);
        }
        const values = batches.flatMap((batch) =>
          batch.metrics.map(({ key, value, step }) => [key, Number(value), step]),
        );
        expect(values).toEqual(
          metrics.map(({ key, value, step }: { key: string; value: number; step: number }) => [
            key,
            value,
            step,
          ]),
        );
        expect(
          Object.fromEntries(batches.flatMap((batch) => batch.params.map((p) => [p.key, p.value]))),
        ).toEqual(long);
        expect(
          Object.fromEntries(batches.flatMap((batch) => batch.tags.map((t) => [t.key, t.value]))),
        ).toEqual(tags);
      },
    ),
    { numRuns: 40 },
  );
});
