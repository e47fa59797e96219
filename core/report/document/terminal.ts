import { terminalTable } from "../../comparison/presentation/format.ts";
import type { Block, Cell, Table } from "./blocks.ts";

/** Columns of a terminal that tables are fitted to. */
const WIDTH = 150;

/** For a terminal: figures are left out; a table too wide is continued below with its left columns repeated. */
export function toTerminal(blocks: readonly Block[], width: number = WIDTH): string {
  return blocks.flatMap((own) => (own.kind === "figures" ? [] : [block(own, width)])).join("\n\n");
}

function block(own: Exclude<Block, { kind: "figures" }>, width: number): string {
  switch (own.kind) {
    case "heading":
      return own.level === 3 ? printable(own.text) : underlined(printable(own.text), own.level === 1);
    case "paragraph":
      return wrapped(printable(own.text), width);
    case "list":
      return own.items.map((item) => `- ${printable(item)}`).join("\n");
    case "table":
      return table(own, width);
  }
}

const underlined = (text: string, strong: boolean) =>
  `${text}\n${(strong ? "═" : "─").repeat(Array.from(text).length)}`;

function table({ header, rows, leftColumns }: Table, width: number): string {
  const texts = rows.map((row) => row.map(show));
  const head = header.map(printable);
  const widthOf = (i: number) =>
    Math.max(...[head, ...texts].map((line) => Array.from(line[i] ?? "").length)) + 2;
  const left = Array.from({ length: leftColumns }, (_, i) => i);
  const leftWidth = left.reduce((sum, i) => sum + widthOf(i), 0);
  const parts: number[][] = [[]];
  let used = leftWidth;
  for (let i = leftColumns; i < head.length; i++) {
    if (used + widthOf(i) > width && parts.at(-1)!.length > 0) {
      parts.push([]);
      used = leftWidth;
    }
    parts.at(-1)!.push(i);
    used += widthOf(i);
  }
  return parts
    .map((columns) => {
      const pick = (line: readonly string[]) => [...left, ...columns].map((i) => line[i] ?? "");
      return terminalTable(pick(head), texts.map(pick), leftColumns);
    })
    .join("\n\n");
}

const show = ({ text, note, strong }: Cell): string =>
  [`${printable(text)}${strong ? "*" : ""}`, ...(note ? [printable(note)] : [])].join(" ");

/** Names come from a server: nothing in them may steer the terminal. */
const printable = (text: string): string => text.replace(/\s+/g, " ").replace(/\p{Cc}/gu, "");

function wrapped(text: string, width: number): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last !== "" && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.join("\n");
}
