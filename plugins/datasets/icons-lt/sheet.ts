import type { Icon } from "./packages.ts";

/** Share of the side left white around the icon's own box. */
const MARGIN = 1 / 32;

/** Markup of many icons on one sheet, `columns` per row, each `side` pixels wide and high, black on nothing. */
export function sheetSvg(icons: readonly Icon[], columns: number, side: number): string {
  const rows = Math.ceil(icons.length / columns);
  const cells = icons.map((icon, i) => {
    const { left, top, width, height } = squareBox(icon);
    const [x, y] = [(i % columns) * side, Math.floor(i / columns) * side];
    return `<svg x="${x}" y="${y}" width="${side}" height="${side}" viewBox="${left} ${top} ${width} ${height}">${uniqueIds(icon.body, `c${i}-`)}</svg>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${columns * side}" height="${rows * side}" color="#000">${cells.join("")}</svg>`;
}

/** The icon's box made square around its centre, with a margin. */
function squareBox({ left, top, width, height }: Icon) {
  const side = Math.max(width, height) / (1 - 2 * MARGIN);
  return { left: left + (width - side) / 2, top: top + (height - side) / 2, width: side, height: side };
}

/** Masks and gradients refer to ids, which repeat from icon to icon. */
function uniqueIds(body: string, prefix: string): string {
  if (!body.includes(" id=")) return body;
  return body
    .replace(/(\sid=")([^"]+)"/g, `$1${prefix}$2"`)
    .replace(/(href="#)([^"]+)"/g, `$1${prefix}$2"`)
    .replace(/url\((['"]?)#([^)'"]+)\1\)/g, `url(#${prefix}$2)`);
}
