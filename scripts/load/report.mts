import { measuredOn, writeBetween } from "../../test/support/write-between.ts";
import type { Outcome } from "./outcome.mts";

/** Outcomes as Markdown. */
export const describe = (outcomes: readonly Outcome[]): string => outcomes.map(describeOne).join("\n\n");

function describeOne({ title, facts, table, problems }: Outcome): string {
  const verdict = problems.length === 0 ? "yes" : `no: ${problems.slice(0, 3).join("; ")}`;
  const rows = [["", ""], ["---", "---:"], ...facts, ["as it must be", verdict]];
  return [
    `**${title}**`,
    "",
    ...rows.map(toRow),
    ...(table === undefined
      ? []
      : ["", ...[table[0]!, table[0]!.map(() => "---"), ...table.slice(1)].map(toRow)]),
  ].join("\n");
}

const toRow = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(" | ")} |`;

const escapeCell = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("|", "\\|").replaceAll("*", "\\*");

/** Puts the tables into docs/reliability.md, between their markers. */
export const writeReport = (tables: string): void =>
  writeBetween("docs/reliability.md", "load", `${measuredOn()}\n\n${tables}`);
