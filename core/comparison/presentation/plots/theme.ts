import type { Config } from "vega-lite";

/**
 * Okabe & Ito's palette, distinguishable with any common colour blindness; the yellow is left out (too pale on white).
 * Series are told apart by shape or dash as well, so that colour is never the only carrier.
 */
export const PALETTE = [
  "#0072B2",
  "#E69F00",
  "#009E73",
  "#D55E00",
  "#CC79A7",
  "#56B4E9",
  "#000000",
  "#8C6D31",
];
export const DASHES = [
  [1, 0],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
  [12, 4],
  [4, 1],
  [1, 3],
  [6, 2, 2, 2],
];
export const SHAPES = [
  "circle",
  "square",
  "triangle-up",
  "diamond",
  "cross",
  "triangle-down",
  "triangle-right",
];

export const INK = "#222222";
export const MUTED = "#5f6368";

/** Light background, sizes that stay readable when MLflow scales the picture to its panel. */
export const CONFIG: Config = {
  background: "white",
  font: "Helvetica, Arial, 'DejaVu Sans', 'Liberation Sans', sans-serif",
  padding: 12,
  view: { stroke: null },
  title: {
    fontSize: 16,
    fontWeight: 600,
    anchor: "start",
    color: INK,
    subtitleColor: MUTED,
    subtitleFontSize: 12,
    offset: 12,
  },
  axis: {
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 500,
    labelColor: INK,
    titleColor: INK,
    titlePadding: 8,
    gridColor: "#e4e6ea",
    domainColor: "#8a8f98",
    tickColor: "#8a8f98",
    labelLimit: 240,
  },
  legend: {
    labelFontSize: 12,
    titleFontSize: 12,
    labelColor: INK,
    titleColor: MUTED,
    labelLimit: 260,
    orient: "top",
    // Every series is named, however many; vega would drop those beyond thirty.
    symbolLimit: 0,
    title: null,
    columnPadding: 20,
    offset: 10,
    symbolStrokeWidth: 2,
  },
  header: { labelFontSize: 13, titleFontSize: 13 },
};

/** Colour scale with a fixed meaning: the i-th of `names` always has the i-th colour (repeating beyond the palette). */
export function colourScale(names: readonly string[]) {
  return { domain: [...names], range: names.map((_, i) => PALETTE[i % PALETTE.length]!) };
}

export function dashScale(names: readonly string[]) {
  return { domain: [...names], range: names.map((_, i) => DASHES[i % DASHES.length]!) };
}

/** Legend above the panels: one row where it fits, else equal columns; none for a single series. */
export function legendFor(names: readonly string[], symbol: Readonly<Record<string, unknown>> = {}) {
  if (names.length < 2) return null;
  const width = (name: string) => 7 * name.length + 45;
  const total = names.reduce((sum, name) => sum + width(name), 0);
  const widest = Math.max(...names.map(width));
  return { columns: total <= LEGEND_WIDTH ? 0 : Math.max(1, Math.floor(LEGEND_WIDTH / widest)), ...symbol };
}

const LEGEND_WIDTH = 680;

export function shapeScale(names: readonly string[]) {
  return { domain: [...names], range: names.map((_, i) => SHAPES[i % SHAPES.length]!) };
}
