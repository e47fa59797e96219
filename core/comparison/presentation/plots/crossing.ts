import type { TopLevelSpec } from "vega-lite";
import { GROUPS } from "../../../evaluation/groups.ts";
import { percent, UNDEFINED } from "../format.ts";
import { renderSvg } from "./render.ts";
import { INK, MUTED } from "./theme.ts";

export interface CrossingInput {
  readonly title: string;
  /** `accuracy[d][p]` in [0, 1], in the order of `GROUPS`; undefined where there is nothing to average. */
  readonly accuracy: readonly (readonly (number | undefined)[])[];
  /** Classes per cell. */
  readonly classes: readonly (readonly number[])[];
}

/** The 3×3 crossing of D- and P-groups as a heat map: accuracy and number of classes per cell; empty cells stay grey. */
export async function crossingPlot(input: CrossingInput): Promise<string> {
  return renderSvg(crossingSpec(input));
}

function crossingSpec(input: CrossingInput): TopLevelSpec {
  const name = (group: string) => group[0]!.toUpperCase() + group.slice(1);
  const order = GROUPS.map(name);
  const cells = GROUPS.flatMap((d, i) =>
    GROUPS.map((p, j) => {
      const value = input.accuracy[i]?.[j];
      const n = input.classes[i]?.[j] ?? 0;
      return {
        d: name(d),
        p: name(p),
        value: value === undefined ? null : 100 * value,
        text: value === undefined ? UNDEFINED : `${percent(value)} %`,
        count:
          n === 0
            ? "no class"
            : `${n} ${n === 1 ? "class" : "classes"}${value === undefined ? ", untested" : ""}`,
      };
    }),
  );
  const top = Math.max(0, ...cells.map(({ value }) => value ?? 0));
  const domain = [0, Math.min(100, Math.max(10, Math.ceil(top / 10) * 10))];
  const ink = {
    condition: [
      { test: "datum.value === null", value: MUTED },
      { test: `datum.value > ${0.66 * domain[1]!}`, value: "white" },
    ],
    value: INK,
  };
  const x = {
    field: "p",
    type: "nominal" as const,
    sort: order,
    axis: {
      title: "Pre-training prior (P-groups)",
      orient: "top" as const,
      labelAngle: 0,
      ticks: false,
      domain: false,
    },
  };
  const y = {
    field: "d",
    type: "nominal" as const,
    sort: order,
    axis: { title: "Downstream training count (D-groups)", titlePadding: 14, ticks: false, domain: false },
  };
  return {
    title: { text: input.title, offset: 16 },
    width: 450,
    height: 300,
    data: { values: cells },
    encoding: { x, y },
    layer: [
      {
        transform: [{ filter: "datum.value === null" }],
        mark: { type: "rect", color: "#eceef1", stroke: "white", strokeWidth: 3 },
      },
      {
        transform: [{ filter: "datum.value !== null" }],
        mark: { type: "rect", stroke: "white", strokeWidth: 3 },
        encoding: {
          color: {
            field: "value",
            type: "quantitative",
            scale: { scheme: "blues", domain },
            legend: {
              orient: "right",
              title: ["Mean per-class", "accuracy (%)"],
              gradientLength: 260,
              gradientThickness: 14,
            },
          },
        },
      },
      {
        mark: { type: "text", fontSize: 20, fontWeight: 600, dy: -8 },
        encoding: { text: { field: "text", type: "nominal" }, color: ink },
      },
      {
        mark: { type: "text", fontSize: 12, dy: 14 },
        encoding: { text: { field: "count", type: "nominal" }, color: ink },
      },
    ],
  } as TopLevelSpec;
}
