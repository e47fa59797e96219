import type { TopLevelSpec } from "vega-lite";
import { DEFAULT_THRESHOLDS, GROUPS, type Group, type Thresholds } from "../../../evaluation/groups.ts";
import { type AggregatedRow, aggregateOverSeeds, type ResultRow } from "../aggregate.ts";
import { UNDEFINED } from "../format.ts";
import { renderSvg } from "./render.ts";
import { colourScale, INK, legendFor, MUTED } from "./theme.ts";

export interface GroupAccuracyInput {
  /** All rows of the comparison: those of other backbones fix colours and scale, so that pictures can be compared. */
  readonly rows: readonly ResultRow[];
  readonly backbone: string;
  /** Only rows with this PEFT method, when the comparison has several. */
  readonly peft?: string;
  /** Classes per group, for the axis. */
  readonly downstreamSizes?: Readonly<Record<Group, number>>;
  readonly pretrainSizes?: Readonly<Record<Group, number>>;
  readonly dualTailSize?: number;
  /** Bounds of the D-groups, for the axis. Default: those of the paper. */
  readonly thresholds?: Thresholds;
  readonly prefix?: string;
}

interface Bar {
  readonly loss: string;
  readonly group: string;
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

interface Panel {
  readonly title: string;
  readonly keys: readonly string[];
  readonly names: readonly string[];
}

/** Accuracy per D-group, per P-group and on the dual tail: one bar per loss, whiskers ±1 sd over seeds. Undefined without data. */
export async function groupAccuracyPlot(input: GroupAccuracyInput): Promise<string | undefined> {
  const spec = groupAccuracySpec(input);
  return spec && renderSvg(spec);
}

function groupAccuracySpec(input: GroupAccuracyInput): TopLevelSpec | undefined {
  const { rows, backbone, peft, prefix = "test", thresholds = DEFAULT_THRESHOLDS } = input;
  const all = aggregateOverSeeds(rows);
  const losses = [...new Set(all.map(({ loss }) => loss))];
  const mine = all.filter((row) => row.backbone === backbone && (peft === undefined || row.peft === peft));
  const shown = losses.filter((loss) => mine.some((row) => row.loss === loss));
  const get = (row: AggregatedRow, key: string) => row.metrics[`${prefix}/${key}`];
  const keys = [...GROUPS.map((g) => `d_${g}`), ...GROUPS.map((g) => `p_${g}`), "dual_tail"];
  const top = Math.max(
    0,
    ...all.flatMap((row) => keys.map((key) => (get(row, key)?.mean ?? 0) + (get(row, key)?.sd ?? 0))),
  );
  const domain = [0, Math.min(100, Math.max(10, Math.ceil(top * 10.2) * 10))];
  const several = mine.some(({ runs }) => runs > 1);

  const { many, few } = thresholds;
  const meaning = {
    downstream: { many: `n > ${many}`, medium: `n = ${few}–${many}`, few: `n < ${few}` },
    pretrain: { many: "top third", medium: "middle third", few: "last third" },
  };
  const named = (axis: keyof typeof meaning, sizes?: Readonly<Record<Group, number>>) =>
    GROUPS.map((g) => label(`${g[0]!.toUpperCase()}${g.slice(1)}|${meaning[axis][g]}`, sizes?.[g]));
  const panels: Panel[] = [
    {
      title: "Training images per class (n)",
      keys: GROUPS.map((g) => `d_${g}`),
      names: named("downstream", input.downstreamSizes),
    },
    {
      title: "Pre-training prior",
      keys: GROUPS.map((g) => `p_${g}`),
      names: named("pretrain", input.pretrainSizes),
    },
    {
      title: "Few in both",
      keys: ["dual_tail"],
      names: [label("Dual tail|D-Few ∩ P-Few", input.dualTailSize)],
    },
  ].filter(({ keys: own }) => mine.some((row) => own.some((key) => get(row, key))));

  if (panels.length === 0) return undefined;

  const draw = (panel: Panel, index: number) => {
    const values = mine.flatMap((row) =>
      panel.keys.map((key, i): Bar => {
        const spread = get(row, key);
        const value = spread ? 100 * spread.mean : null;
        const sd = spread?.sd === undefined ? null : 100 * spread.sd;
        return {
          loss: row.loss,
          group: panel.names[i]!,
          value,
          low: value === null || sd === null ? null : Math.max(0, value - sd),
          high: value === null || sd === null ? null : Math.min(100, value + sd),
        };
      }),
    );
    const x = {
      field: "group",
      type: "nominal" as const,
      sort: [...panel.names],
      scale: { paddingInner: 0.25, paddingOuter: 0.12 },
      axis: {
        title: panel.title,
        titlePadding: 12,
        labelAngle: 0,
        labelExpr: "split(datum.label, '|')",
        ticks: false,
        domain: true,
        labelPadding: 8,
      },
    };
    const xOffset = { field: "loss", sort: shown, scale: { domain: shown } };
    const y = {
      field: "value",
      type: "quantitative" as const,
      scale: { domain, nice: false },
      axis:
        index === 0 ? { title: "Mean per-class accuracy (%)" } : { title: null, labels: false, ticks: false },
    };
    return {
      width: panel.keys.length === 1 ? 110 : 290,
      height: 260,
      data: { values },
      layer: [
        {
          transform: [{ filter: "datum.value !== null" }],
          mark: { type: "bar" as const },
          encoding: {
            x,
            xOffset,
            y,
            color: {
              field: "loss",
              type: "nominal" as const,
              scale: colourScale(losses),
              legend: legendFor(shown, { values: shown, symbolType: "square", symbolSize: 140 }),
            },
          },
        },
        {
          transform: [{ filter: "datum.low !== null" }],
          mark: { type: "rule" as const, color: INK, strokeWidth: 1.5 },
          encoding: { x, xOffset, y: { ...y, field: "low" }, y2: { field: "high" } },
        },
        {
          transform: [{ filter: "datum.value === null" }, { calculate: "0", as: "value" }],
          mark: {
            type: "text" as const,
            text: UNDEFINED,
            baseline: "bottom" as const,
            color: MUTED,
            fontSize: 16,
          },
          encoding: { x, xOffset, y },
        },
      ],
    };
  };
  return {
    title: {
      text: `${backbone}${peft ? ` + ${peft}` : ""}: accuracy by class group`,
      ...(several ? { subtitle: "Bars: mean over seeds. Whiskers: ± 1 standard deviation." } : {}),
    },
    spacing: 18,
    hconcat: panels.map(draw),
    resolve: { scale: { color: "shared" } },
  } as TopLevelSpec;
}

function label(name: string, size: number | undefined): string {
  return size === undefined ? name : `${name}|${size} ${size === 1 ? "class" : "classes"}`;
}
