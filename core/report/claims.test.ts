import { beforeEach, describe, expect, it } from "vitest";
import { analysisOf, backdoor, both, restartDraws, row } from "../../test/support/made-rows.ts";
import { claimsOf, hardly, rises } from "./claims.ts";
import type { Row } from "./read/rows.ts";

beforeEach(restartDraws);

describe("claims", () => {
  it("are decided by bounds", () => {
    const of = (low: number, high: number) => ({ value: (low + high) / 2, low, high });
    expect([of(-0.02, 0.005), of(0.02, 0.04), of(-0.01, 0.02)].map(hardly)).toEqual([
      "holds",
      "does not hold",
      "cannot be told apart",
    ]);
    expect([of(0.001, 0.1), of(-0.1, -0.001), of(-0.1, 0.1)].map(rises)).toEqual([
      "holds",
      "does not hold",
      "cannot be told apart",
    ]);
    expect([hardly({ value: 1 }), rises({ value: 1 }), hardly(undefined), rises(undefined)]).toEqual([
      "cannot be told apart",
      "cannot be told apart",
      "not measured",
      "not measured",
    ]);
  });

  const on = (loss: string, accuracy: (k: number) => number, knn: (seed: number) => number) =>
    both.map((name) => row({ loss, backbones: [name], accuracy, knn }));
  const verdicts = (rows: readonly Row[]) => claimsOf(analysisOf(...rows)).map(({ verdict }) => verdict);

  it("hold on data made to fit them", () => {
    const tail = (k: number) => (k === 8 ? 0.1 : 0.8);
    const rows = [
      ...on("ce", tail, (seed) => 0.5 + seed / 1000),
      ...on("la", tail, (seed) => 0.501 + seed / 1000),
      ...on(
        "gla-train",
        (k) => tail(k) - 0.1,
        (seed) => 0.5 + seed / 1000,
      ),
      row({
        loss: "backdoor",
        kind: "joint",
        backbones: both,
        accuracy: () => 0.9,
        knn: (seed) => 0.6 + seed / 1000,
      }),
    ];
    expect(verdicts(rows)).toEqual(Array(5).fill("holds"));
  });

  it("do not hold on data made against them", () => {
    const tail = (k: number) => (k === 8 ? 0.9 : 0.2);
    const rows = [
      ...on("ce", tail, () => 0.5),
      ...on("la", tail, (seed) => 0.6 + seed / 1000),
      ...on(
        "gla-train",
        (k) => (k === 8 ? 1 : 0.7),
        () => 0.5,
      ),
      row({
        loss: "backdoor",
        kind: "joint",
        backbones: both,
        accuracy: () => 0.9,
        knn: (seed) => 0.4 + seed / 1000,
      }),
    ];
    expect(verdicts(rows)).toEqual(Array(5).fill("does not hold"));
  });

  it("are not measured without their rows, and not told apart with one seed's KNN", () => {
    expect(verdicts([backdoor(0.5)])).toEqual(Array(5).fill("not measured"));
    const single = (loss: string) => row({ loss, seeds: [0], accuracy: () => 0.5, knn: () => 0.5 });
    expect(verdicts([single("ce"), single("la")])[0]).toBe("cannot be told apart");
  });
});
