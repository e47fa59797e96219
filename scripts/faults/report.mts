import { measuredOn, writeBetween } from "../../test/support/write-between.ts";
import { type Cost, describeCosts } from "./cost.mts";
import type { Outcome } from "./outcome.mts";

/** Outcomes and costs as Markdown tables. */
export const describe = (outcomes: readonly Outcome[], costs: readonly Cost[]): string =>
  [
    ...(outcomes.length > 0 ? [describeOutcomes(outcomes)] : []),
    ...(costs.length > 0 ? [describeCosts(costs)] : []),
  ].join("\n\n");

function describeOutcomes(outcomes: readonly Outcome[]): string {
  const header = [
    "case",
    "points tracked",
    "shown at exit",
    "shown in the end",
    "lost",
    "doubled",
    "else wrong",
    "exit code",
    "warnings",
    "`logMetrics`, median / 99th percentile",
    "as it must be",
  ];
  const rows = outcomes.map((outcome) => {
    const { title, found, shownAtExit, toldLost, code, warnings, log, note, problems } = outcome;
    const lost = found.lost - toldLost;
    return [
      note ? `${title} (${note})` : title,
      found.tracked,
      shownAtExit,
      found.shown,
      toldLost > 0 ? `${lost} in silence, ${toldLost} told` : lost,
      found.doubled,
      found.wrong.length,
      code ?? "—",
      warnings.length,
      log ? `${log.median.toFixed(2)} / ${log.p99.toFixed(2)} ms` : "—",
      problems.length === 0 ? "yes" : `no: ${problems.slice(0, 3).join("; ")}`,
    ];
  });
  const aligned = header.map((_, column) => (column === 0 || column === 10 ? "---" : "---:"));
  return [header, aligned, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Puts the table into docs/reliability.md, between its markers. */
export const writeReport = (tables: string, seed: number): void =>
  writeBetween("docs/reliability.md", "faults", `${measuredOn()}, seed ${seed}\n\n${tables}`);
