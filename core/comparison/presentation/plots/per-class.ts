import type { TopLevelSpec } from "vega-lite";
import { spearman } from "../../../evaluation/correlation.ts";
import { renderSvg } from "./render.ts";
import { colourScale, dashScale, legendFor, shapeScale } from "./theme.ts";
import { logTicks } from "./ticks.ts";
import { binnedTrend } from "./trend.ts";

export interface PerClassPlotInput {
  readonly title: string;
  /** One entry per run to show; accuracy [K] in [0, 1], NaN where a class has no test image. */
  readonly series: readonly { readonly name: string; readonly accuracy: ArrayLike<number> }[];
  /** [K] */
  readonly trainCounts: ArrayLike<number>;
  /** [K] pre-training prior or recorded counts. */
  readonly prior?: ArrayLike<number>;
  /** Axis title for `prior`. Default: "Estimated pre-training prior". */
  readonly priorLabel?: string;
}

/** Per-class test accuracy against downstream count and against pre-training prior (log axes), with binned means. Undefined without data. */
export async function perClassPlot(input: PerClassPlotInput): Promise<string | undefined> {
  const spec = perClassSpec(input);
  return spec && renderSvg(spec);
}

function perClassSpec(input: PerClassPlotInput): TopLevelSpec | undefined {
  const { series, priorLabel = "Estimated pre-training prior" } = input;
  const names = series.map(({ name }) => name);
  // Clouds of several runs over the same classes hide each other; then only their means are drawn.
  const scatter = series.length === 1;
  const axes = [
    { x: Array.from(input.trainCounts), title: "Training images per class (log scale)", format: "~s" },
    ...(input.prior
      ? [{ x: Array.from(input.prior), title: `${priorLabel} (log scale)`, format: "~g" }]
      : []),
  ];
  const known = series.flatMap(({ accuracy }) => Array.from(accuracy).filter((a) => !Number.isNaN(a)));
  if (known.length === 0) return undefined;
  const top = known.reduce((a, b) => Math.max(a, b));
  const domain = [0, Math.min(100, Math.max(10, Math.ceil(top * 10) * 10))];

  const panels = axes.map(({ x, title, format }, index) => {
    // A class with x = 0 has no place on a log axis.
    const pairs = series.map(({ name, accuracy }) => ({
      name,
      classes: x.map((_, k) => k).filter((k) => x[k]! > 0 && !Number.isNaN(accuracy[k]!)),
      accuracy,
    }));
    const points = pairs.flatMap(({ name, classes, accuracy }) =>
      classes.map((k) => ({ name, x: x[k]!, y: 100 * accuracy[k]! })),
    );
    const trend = pairs.flatMap(({ name, classes, accuracy }) =>
      binnedTrend(
        classes.map((k) => x[k]!),
        classes.map((k) => 100 * accuracy[k]!),
      ).map((point) => ({ name, dash: `dash ${name}`, ...point })),
    );
    const rho = pairs.map(({ name, classes, accuracy }) => {
      const value = spearman(
        classes.map((k) => x[k]!),
        classes.map((k) => accuracy[k]!),
      );
      const text = value === undefined ? "undefined" : value.toFixed(2).replace("-", "−");
      return series.length === 1 ? text : `${name} ${text}`;
    });
    const domainX = padded(points.map((p) => p.x));
    const encodeX = {
      field: "x",
      type: "quantitative" as const,
      scale: { type: "log" as const, nice: false, domain: domainX },
      axis: { title, format, values: logTicks(...domainX), grid: false },
    };
    const encodeY = {
      field: "y",
      type: "quantitative" as const,
      scale: { domain, nice: false },
      axis: index === 0 ? { title: "Test accuracy of the class (%)" } : { title: null },
    };
    const color = {
      field: "name",
      type: "nominal" as const,
      scale: colourScale(names),
      legend: legendFor(names, { symbolOpacity: 1 }),
    };
    const shape = { ...color, scale: shapeScale(names) };
    const dots = (values: readonly object[], size: number, opacity: number) => ({
      data: { values },
      mark: { type: "point" as const, filled: true, size, opacity },
      encoding: { x: encodeX, y: encodeY, color, shape },
    });
    return {
      title: {
        text: wrap("Spearman ρ: ", rho),
        fontSize: 12,
        fontWeight: 400,
        frame: "group" as const,
        offset: 10,
      },
      width: 330,
      height: 270,
      layer: [
        ...(scatter ? [dots(points, 26, 0.45)] : []),
        {
          data: { values: trend },
          mark: { type: "line" as const, strokeWidth: 2.5 },
          encoding: {
            x: encodeX,
            y: encodeY,
            color,
            // Vega-Lite merges legends of equal domains; values of its own keep the dashes out of the symbols.
            strokeDash: {
              field: "dash",
              type: "nominal" as const,
              scale: dashScale(names.map((name) => `dash ${name}`)),
              legend: null,
            },
          },
        },
        dots(trend, 60, 1),
      ],
    };
  });
  return {
    title: {
      text: input.title,
      subtitle: scatter
        ? "Small points: classes. Line: means over classes of similar x (bins of equal size)."
        : "Means over classes of similar x (bins of equal size).",
    },
    spacing: 30,
    hconcat: panels,
    resolve: { scale: { color: "shared" } },
  } as TopLevelSpec;
}

/** Domain of a log axis with a little room at both ends, so that no point sits on the frame. */
function padded(values: readonly number[]): [number, number] {
  if (values.length === 0) return [1, 10];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const room = Math.max(1.15, (high / low) ** 0.04);
  return [low / room, high * room];
}

/** Lines of at most about 52 characters. */
function wrap(lead: string, parts: readonly string[]): string[] {
  const lines = [lead];
  parts.forEach((part, i) => {
    const text = i + 1 < parts.length ? `${part}, ` : part;
    if (lines.at(-1)!.length + text.length > 52) lines.push("");
    lines[lines.length - 1] += text;
  });
  return lines.map((line) => line.trimEnd());
}
