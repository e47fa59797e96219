import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { knnAccuracy } from "./index.ts";

/** Straight from the definition, all similarities at once. */
function naive(bank: number[][], labels: number[], query: number[], k: number, classes: number): number {
  const cosine = (a: number[], b: number[]) => {
    const dot = (x: number[], y: number[]) => x.reduce((sum, v, c) => sum + v * y[c]!, 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b) || 1);
  };
  const nearest = bank.map((row, i) => ({ s: cosine(row, query), i })).sort((a, b) => b.s - a.s || a.i - b.i);
  const votes = new Array<number>(classes).fill(0);
  for (const { s, i } of nearest.slice(0, k)) votes[labels[i]!]! += Math.exp(s / 0.1);
  return votes.indexOf(Math.max(...votes));
}

describe("knnAccuracy", () => {
  it("equals the definition", async () => {
    const feature = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 5, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(feature, fc.nat(2)), { minLength: 1, maxLength: 30 }),
        fc.array(feature, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 12 }),
        async (bank, queries, k) => {
          const labels = bank.map(([, y]) => y);
          const result = await knnAccuracy({
            bank: Float32Array.from(bank.flatMap(([row]) => row)),
            bankLabels: Int32Array.from(labels),
            queries: Float32Array.from(queries.flat()),
            queryLabels: new Int32Array(queries.length),
            width: 5,
            classes: 3,
            k,
          });
          // Float32 similarities may swap neighbours that are equal to 7 digits; only clear cases are compared.
          const rows = bank.map(([row]) => row);
          queries.forEach((query, i) => {
            const expected = naive(rows, labels, query, k, 3);
            if (distinct(rows, query)) expect(result.predicted[i]).toBe(expected);
          });
          expect(result.k).toBe(Math.min(k, bank.length));
        },
      ),
      { seed: 4, numRuns: 80 },
    );
  });

  it("crosses block borders and takes 200 neighbours by default", async () => {
    // 1500 bank entries on two axes; 130 queries, half on each; the bank is larger than a block, and so are the queries.
    const M = 1500;
    const N = 131;
    const bank = new Float32Array(M * 2);
    const bankLabels = Int32Array.from({ length: M }, (_, i) => (i < 1100 ? 0 : 1));
    bankLabels.forEach((y, i) => {
      bank[2 * i + y] = 1 + i;
    });
    const queryLabels = Int32Array.from({ length: N }, (_, i) => i % 2);
    const queries = new Float32Array(N * 2);
    queryLabels.forEach((y, i) => {
      queries[2 * i + y] = 3;
    });
    const result = await knnAccuracy({ bank, bankLabels, queries, queryLabels, width: 2, classes: 2 });
    expect(result).toMatchObject({ accuracy: 1, micro: 1, k: 200 });
  });

  it("gives ties to the lower bank index and the lower class, and uses a given product", async () => {
    let calls = 0;
    const input = {
      bank: Float32Array.of(1, 0, 2, 0),
      bankLabels: Int32Array.of(1, 0),
      queries: Float32Array.of(5, 0),
      queryLabels: Int32Array.of(1),
      width: 2,
      classes: 2,
    };
    expect((await knnAccuracy({ ...input, k: 1 })).predicted[0]).toBe(1);
    const two = await knnAccuracy({
      ...input,
      k: 2,
      product: async (_a, _b, { m, n }) => {
        calls++;
        return new Float32Array(m * n).fill(1);
      },
    });
    expect(two.predicted[0]).toBe(0);
    expect(calls).toBe(1);
  });

  it("refuses an empty bank and broken features", async () => {
    const input = {
      bank: Float32Array.of(1, Number.NaN),
      bankLabels: Int32Array.of(0),
      queries: Float32Array.of(1, 1),
      queryLabels: Int32Array.of(0),
      width: 2,
      classes: 1,
    };
    await expect(knnAccuracy(input)).rejects.toThrow(/bank image 0 is not finite/);
    await expect(
      knnAccuracy({ ...input, bank: new Float32Array(0), bankLabels: new Int32Array(0) }),
    ).rejects.toThrow(/bank is empty/);
  });
});

/** No two bank rows equally similar to the query (to float32). */
function distinct(rows: number[][], query: number[]): boolean {
  const norm = (v: number[]) => Math.hypot(...v) || 1;
  const s = rows.map((row) => row.reduce((sum, v, c) => sum + v * query[c]!, 0) / norm(row) / norm(query));
  const sorted = s.sort((a, b) => a - b);
  return sorted.every((value, i) => i === 0 || value - sorted[i - 1]! > 1e-6);
}
