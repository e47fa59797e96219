import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import type { Outcome } from "./outcome.mts";

const DOCUMENT = new URL("../../docs/reliability.md", import.meta.url);
const BEGIN = "<!-- load: begin -->";
const END = "<!-- load: end -->";

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
export async function writeReport(tables: string): Promise<void> {
  const text = await readFile(DOCUMENT, "utf8");
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`docs/reliability.md lacks ${BEGIN} … ${END}`);
  const machine = `${cpus().length} cores of ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`;
  const date = new Date().toISOString().slice(0, 10);
  await writeFile(DOCUMENT, `${before}${BEGIN}\n\n${machine}, ${date}\n\n${tables}\n\n${END}${after}`);
}
