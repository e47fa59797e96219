import { beforeEach, describe, expect, it } from "vitest";
import { analysisOf, backdoor, both, downstream, restartDraws, row } from "../../test/support/made-rows.ts";
import { asFamily } from "./analysis.ts";
import { crossingBlocks } from "./sections/crossing.ts";
import { controlBlocks, differenceCell, referenceBlocks } from "./sections/differences.ts";
import { rowsBlocks } from "./sections/rows.ts";

beforeEach(restartDraws);

describe("tables", () => {
  const la = both.map((name) => row({ loss: "la", backbones: [name], accuracy: () => 0.5, knn: () => 0.5 }));

  it("compare with la on the same backbone, and combinations with its mean", async () => {
    const ce = row({ loss: "ce", accuracy: () => 0.5 });
    const analysis = analysisOf(...la, ce, backdoor(0.95));
    const table = (await referenceBlocks(analysis)).find((block) => block.kind === "table")!;
    expect(table.rows.map((cells) => cells.slice(0, 2).map(({ text }) => text))).toEqual([
      ["ce · clip", "la · clip"],
      ["backdoor · clip + openclip", "mean of la on each"],
    ]);
    const expected = analysis.compare({ rows: [analysis.rows[3]!], minus: la })!;
    expect(expected.value).toBeGreaterThan(0.35);
    expect(table.rows[1]![2]).toMatchObject({ strong: true, text: `+${(100 * expected.value).toFixed(1)}` });
    expect(JSON.stringify(await controlBlocks(analysis))).toContain("There is no control row");
  });

  it("set bold only what its interval and the corrected p tell from 0", () => {
    const difference = { value: 0.1, seeds: 1, resampled: "images", paired: true, p: 0.001 } as const;
    const strong = (low: number, high: number, adjusted: number) =>
      differenceCell({ ...difference, low, high, adjusted }).strong;
    expect(strong(0.01, 0.2, 0.01)).toBe(true);
    expect(strong(-0.2, -0.01, 0.01)).toBe(true);
    expect(strong(-0.01, 0.2, 0.01)).toBe(false);
    expect(strong(0.01, 0.2, 0.06)).toBe(false);
    expect(
      asFamily([{ ...difference, low: 0, high: 1 }, undefined, { ...difference, low: 0, high: 1, p: 0.5 }]),
    ).toEqual([
      expect.objectContaining({ adjusted: 0.002 }),
      undefined,
      expect.objectContaining({ adjusted: 0.5 }),
    ]);
  });

  it("print empty cells as empty and the seeds of each row", async () => {
    // Classes 7 and 8 are moved to D-Many: D-Few ∩ P-Few holds none.
    const moved = downstream.map((group, k) => (k > 6 ? "many" : group));
    const rows = la.map((own) => ({ ...own, downstream: moved }));
    const blocks = await crossingBlocks(analysisOf(...rows));
    const table = blocks.find((block) => block.kind === "table")!;
    expect(table.rows[0]!.at(-1)).toEqual({ text: "—", note: "empty" });
    expect(table.rows[0]![1]).toEqual({ text: expect.stringMatching(/^\d/), note: "n=1" });
    const zeroShot = row({ loss: "zero-shot", kind: "zero-shot", seeds: [undefined], accuracy: () => 0.5 });
    const main = rowsBlocks(analysisOf(zeroShot, ...la)).find((block) => block.kind === "table")!;
    expect(main.rows.map((cells) => cells[2]!.text)).toEqual(["—", "3", "3"]);
  });
});
