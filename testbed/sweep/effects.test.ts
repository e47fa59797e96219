import { expect, test } from "vitest";
import { effects, nameOf } from "./effects.ts";
import { sweepReport } from "./report.ts";
import type { SweepRow } from "./summary.ts";

// accuracy = 0.8 − data·[ratio is 100] − parameter·[strong] − both·[strong at 100]
const [data, parameter, both] = [0.2, 0.1, 0.05];
const rows: SweepRow[] = [1, 100].flatMap((ratio) =>
  [undefined, "aligned" as const].map((alignment): SweepRow => {
    const strong = alignment !== undefined;
    const tail = ratio === 100;
    const overall = 0.8 - data * +tail - parameter * +strong - both * +(strong && tail);
    return {
      ratio,
      skew: strong ? "strong" : "flat",
      ...(alignment ? { alignment } : {}),
      towers: 1,
      loss: "ce",
      seeds: 2,
      overall,
      sd: 0.01,
    };
  }),
);

test("effects are what the accuracies were made of", () => {
  const [found] = effects(rows);
  expect(found!.data).toBeCloseTo(-data - both / 2, 12);
  expect(found!.parameter["strong-aligned"]).toBeCloseTo(-parameter - both / 2, 12);
  expect(found!.interaction["strong-aligned"]).toBeCloseTo(-both, 12);
  expect(rows.map(nameOf)).toEqual(["flat", "strong-aligned", "flat", "strong-aligned"]);
});

test("the report prints every accuracy, and a dash where there is none", () => {
  const text = sweepReport(rows, "npm run sweep");
  expect(text).toContain("| strong-aligned | 70.0 ± 1.0 | — | 45.0 ± 1.0 | — |");
  expect(text).toContain("| ce | −22.5 | −12.5 | −5.0 |");
});
