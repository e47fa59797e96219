import { beforeEach, expect, it } from "vitest";
import { analysisOf, restartDraws, row } from "../../test/support/made-rows.ts";
import type { ReportedResults } from "../plugin-api/index.ts";
import { reportedBlocks } from "./sections/reported.ts";

beforeEach(restartDraws);

it("puts what others reported beside the rows of the same loss, a table per source", () => {
  const reported = (source: string, overall: number): ReportedResults => ({
    source,
    rows: [
      { method: "LIFT", loss: "la", many: 76.2, overall },
      { method: "other", overall: 1 },
    ],
  });
  const analysis = analysisOf(
    row({ loss: "la", accuracy: () => 0.6 }),
    row({ loss: "ce", accuracy: () => 0.5 }),
  );
  const blocks = reportedBlocks(analysis, [reported("one (2024)", 72.6), reported("two (2025)", 77)]);
  const tables = blocks.filter((block) => block.kind === "table");
  expect(blocks.flatMap((block) => (block.kind === "heading" ? block.text : []))).toEqual([
    "Reported elsewhere",
    "one (2024)",
    "two (2025)",
  ]);
  expect(tables.map(({ rows }) => rows.map((row) => row.slice(0, 5).map(({ text }) => text)))).toEqual([
    [
      ["LIFT", "76.2", "—", "—", "72.6"],
      ["other", "—", "—", "—", "1.0"],
    ],
    [
      ["LIFT", "76.2", "—", "—", "77.0"],
      ["other", "—", "—", "—", "1.0"],
    ],
  ]);
  expect(tables[0]!.rows.map((row) => row[5]!.text)).toEqual([
    expect.stringMatching(/^clip: \d\d\.\d \[\d\d\.\d, \d\d\.\d\]$/),
    "—",
  ]);
  expect(reportedBlocks(analysis, [])).toEqual([]);
});
