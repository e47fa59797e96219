import { escapeMarkdown } from "../../comparison/presentation/format.ts";
import type { Block, Cell } from "./blocks.ts";

/** GitHub-flavoured Markdown; figures are files beside it. */
export function toMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(block).join("\n\n")}\n`;
}

function block(own: Block): string {
  switch (own.kind) {
    case "heading":
      return `${"#".repeat(own.level)} ${escapeMarkdown(own.text)}`;
    case "paragraph":
      return own.lead ? `**${escapeMarkdown(own.text)}**` : escapeMarkdown(own.text);
    case "list":
      return own.items.map((item) => `- ${escapeMarkdown(item)}`).join("\n");
    case "figures":
      return own.figures
        .map(({ name, caption }) => `![${escapeMarkdown(caption)}](figures/${name}.svg)`)
        .join("\n\n");
    case "table": {
      const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
      const rule = `|${own.header.map((_, i) => (i < own.leftColumns ? " --- " : " ---: ")).join("|")}|`;
      return [line(own.header.map(escapeMarkdown)), rule, ...own.rows.map((row) => line(row.map(show)))].join(
        "\n",
      );
    }
  }
}

function show({ text, note, strong }: Cell): string {
  const main = strong ? `**${escapeMarkdown(text)}**` : escapeMarkdown(text);
  return note ? `${main} ${escapeMarkdown(note)}` : main;
}
