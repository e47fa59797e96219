/** What stands for an undefined value, everywhere. */
export const UNDEFINED = "—";

/** A share in [0, 1] as a percentage with one decimal, without the sign: 0.4567 → "45.7". */
export function percent(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? UNDEFINED : (100 * value).toFixed(1);
}

/** Mean ± standard deviation in percent; the deviation only where there is one. */
export function percentWithSpread(
  value: { readonly mean: number; readonly sd?: number } | undefined,
): string {
  if (value === undefined) return UNDEFINED;
  return value.sd === undefined ? percent(value.mean) : `${percent(value.mean)} ± ${percent(value.sd)}`;
}

/** Text on one line that neither Markdown nor a browser takes for markup, and that cannot break its table. */
export function escapeMarkdown(text: string): string {
  return (
    text
      .replace(/\s+/g, " ")
      .replace(/&/g, "&amp;")
      .replace(/</g, "&lt;")
      .replace(/>/g, "&gt;")
      .replace(/[\\`*_|~]/g, "\\$&")
      // A bracket alone is no link.
      .replace(/\](?=[([:])/g, "\\]")
  );
}

/** A GitHub-flavoured Markdown table; columns from `leftColumns` on are aligned right. */
export function markdownTable(
  header: readonly string[],
  body: readonly (readonly string[])[],
  leftColumns: number,
): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(" | ")} |`;
  const rule = `|${header.map((_, i) => (i < leftColumns ? " --- " : " ---: ")).join("|")}|`;
  return `${[line(header), rule, ...body.map(line)].join("\n")}\n`;
}

/** A table for a terminal: columns padded to equal width, the first `leftColumns` aligned left, a rule under the header. */
export function terminalTable(
  header: readonly string[],
  body: readonly (readonly string[])[],
  leftColumns: number,
): string {
  const length = (text: string) => Array.from(text).length;
  const widths = header.map((title, i) => Math.max(length(title), ...body.map((row) => length(row[i]!))));
  const line = (cells: readonly string[]) =>
    cells
      .map((text, i) => {
        const padding = " ".repeat(widths[i]! - length(text));
        return i < leftColumns ? text + padding : padding + text;
      })
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [line(header), rule, ...body.map(line)].join("\n");
}

/** RFC 4180: quoted where needed, CRLF line ends. */
export function csvTable(header: readonly string[], body: readonly (readonly string[])[]): string {
  const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  return [header, ...body].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}
