import type { Block, Cell } from "./blocks.ts";

/** One page that needs nothing else: no script, no request. */
export function toHtml(title: string, blocks: readonly Block[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${blocks.map(block).join("\n")}
</main>
</body>
</html>
`;
}

function block(own: Block): string {
  switch (own.kind) {
    case "heading":
      return `<h${own.level}>${escapeHtml(own.text)}</h${own.level}>`;
    case "paragraph":
      return `<p${own.lead ? ' class="lead"' : ""}>${escapeHtml(own.text)}</p>`;
    case "list":
      return `<ul>${own.items.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul>`;
    case "figures": {
      // The drawings are our own: vega escapes the texts in them.
      const figures = own.figures.map(
        ({ svg, caption }) => `<figure>${svg}<figcaption>${escapeHtml(caption)}</figcaption></figure>`,
      );
      return `<div class="figures${figures.length > 1 ? " several" : ""}">${figures.join("")}</div>`;
    }
    case "table": {
      const side = (i: number) => (i < own.leftColumns ? ' class="left"' : "");
      const line = (tag: "th" | "td", cells: readonly string[]) =>
        `<tr>${cells.map((content, i) => `<${tag}${side(i)}>${content}</${tag}>`).join("")}</tr>`;
      const body = own.rows.map((row) => line("td", row.map(show))).join("\n");
      return `<div class="table"><table><thead>${line("th", own.header.map(escapeHtml))}</thead><tbody>${body}</tbody></table></div>`;
    }
  }
}

function show({ text, note, strong }: Cell): string {
  const main = strong ? `<strong>${escapeHtml(text)}</strong>` : escapeHtml(text);
  return note ? `${main} <small>${escapeHtml(note)}</small>` : main;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char]!);

const STYLE = `
body{margin:0;background:#fff;color:#222;font:15px/1.5 Helvetica,Arial,"DejaVu Sans","Liberation Sans",sans-serif}
main{max-width:1180px;margin:0 auto;padding:24px 28px 60px}
h1{font-size:26px;margin:8px 0 14px}h2{font-size:20px;margin:38px 0 8px;border-bottom:1px solid #dfe2e7;padding-bottom:4px}
h3{font-size:16px;margin:22px 0 6px}p,ul{max-width:900px}li{margin:3px 0}
.lead{font-size:17px;background:#f2f6fa;border-left:4px solid #0072B2;padding:10px 14px}
.table{overflow-x:auto;margin:12px 0}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:4px 9px;text-align:right;border-bottom:1px solid #e8eaee;vertical-align:top}
th{border-bottom:2px solid #8a8f98;white-space:nowrap}.left{text-align:left}
td small{color:#5f6368;display:block;font-size:11.5px;white-space:nowrap}
figure{margin:0}figure svg{max-width:100%;height:auto}figcaption{color:#5f6368;font-size:13px}
.figures.several{display:grid;grid-template-columns:repeat(auto-fill,minmax(340px,1fr));gap:18px}
`;
