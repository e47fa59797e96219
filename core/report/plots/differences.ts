import type { TopLevelSpec } from "vega-lite";
import { renderSvg } from "../../comparison/presentation/plots/render.ts";
import { INK, MUTED, PALETTE } from "../../comparison/presentation/plots/theme.ts";

export interface DifferenceMark {
  readonly name: string;
  /** Shares; drawn in points. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Differences with their intervals, a line each; those that include 0 are grey and hollow. */
export function differencesPlot(title: string, marks: readonly DifferenceMark[]): Promise<string> {
  const values = marks.map(({ name, value, low, high }) => ({
    name,
    value: 100 * value,
    low: 100 * low,
    high: 100 * high,
    told: low > 0 || high < 0,
  }));
  const y = {
    field: "name",
    type: "nominal" as const,
    sort: marks.map(({ name }) => name),
    axis: { title: null, ticks: false, domain: false, labelPadding: 10, labelLimit: 560 },
  };
  const bound = Math.max(1, ...values.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)])) * 1.05;
  const x = {
    type: "quantitative" as const,
    scale: {
      domain: [
        Math.min(0, ...values.map(({ low }) => low)) - bound / 20,
        Math.max(0, ...values.map(({ high }) => high)) + bound / 20,
      ],
      nice: false,
    },
  };
  const colour = { condition: { test: "datum.told", value: PALETTE[0]! }, value: MUTED };
  return renderSvg({
    title: { text: title, subtitle: "Points and 95 % intervals. Grey and hollow: the interval includes 0." },
    width: 520,
    height: { step: 26 },
    data: { values },
    layer: [
      { data: { values: [{}] }, mark: { type: "rule", color: INK }, encoding: { x: { datum: 0 } } },
      {
        mark: { type: "rule", strokeWidth: 2 },
        encoding: {
          y,
          x: { ...x, field: "low", axis: { title: "Difference in mean per-class accuracy (points)" } },
          x2: { field: "high" },
          color: colour,
        },
      },
      {
        mark: { type: "point", size: 70, filled: true, opacity: 1, strokeWidth: 2 },
        encoding: {
          y,
          x: { ...x, field: "value" },
          stroke: colour,
          fill: { condition: { test: "datum.told", value: PALETTE[0]! }, value: "white" },
        },
      },
    ],
  } as TopLevelSpec);
}
