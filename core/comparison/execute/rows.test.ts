import { describe, expect, it } from "vitest";
import type { Cell } from "../plan/index.ts";
import { cellEntry, tagsOf } from "./rows.ts";

const cell = (changes: Partial<Cell>) =>
  ({
    id: "abc",
    label: "la · clip · seed 7",
    kind: "single",
    loss: { name: "la", label: "la", options: {} },
    backbones: [{ name: "clip", label: "clip", options: {} }],
    seed: 7,
    seedless: false,
    extraSeed: false,
    ...changes,
  }) as Cell;

describe("the row of a cell", () => {
  it("has the seed of the cell, in its parameters too", () => {
    const entry = cellEntry(cell({}));
    expect([entry.row.seed, entry.params.seed, entry.hidden]).toEqual([7, 7, undefined]);
    expect(tagsOf(entry)).toEqual({ "dualtail.cell": "abc", "dualtail.kind": "single" });
  });

  it("has none where nothing is random", () => {
    const { row, params } = cellEntry(cell({ kind: "post-hoc", seedless: true }));
    expect(row).not.toHaveProperty("seed");
    expect(params).not.toHaveProperty("seed");
  });

  it("is hidden for an extra seed: its run is not tagged as a cell", () => {
    const entry = cellEntry(cell({ extraSeed: true }));
    expect(entry.hidden).toBe(true);
    expect(tagsOf(entry)).toEqual({ "dualtail.extra_seed": "abc", "dualtail.kind": "single" });
  });
});
