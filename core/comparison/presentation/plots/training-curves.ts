import type { TopLevelSpec } from "vega-lite";
import { renderSvg } from "./render.ts";
import { colourScale, dashScale, legendFor } from "./theme.ts";
import { wholeTicks } from "./ticks.ts";

export interface CurvePoint {
  readonly step: number;
  readonly value: number;
}

export interface TrainingCurve {
  readonly name: string;
  /** Training loss per optimizer step, nats. */
  readonly loss?: readonly CurvePoint[];
  /** Accuracy in [0, 1] per epoch; `step` is the epoch, counted from 1 after its end. */
  readonly accuracy?: readonly CurvePoint[];
}

export interface TrainingCurvesInput {
  readonly title: string;
  readonly series: readonly TrainingCurve[];
  /** What the accuracy is. Default: "Test accuracy". */
  readonly accuracyLabel?: string;
}

/** Longest curve drawn point by point; longer ones are averaged, so that the picture stays small and legible. */
const MAX_POINTS = 200;

/** Loss per step and accuracy per epoch; a panel without data is left out. Undefined without any. */
export async function trainingCurvesPlot(input: TrainingCurvesInput): Promise<string | undefined> {
  const spec = trainingCurvesSpec(input);
  return spec && renderSvg(spec);
}

function trainingCurvesSpec(input: TrainingCurvesInput): TopLevelSpec | undefined {
  const { series, accuracyLabel = "Test accuracy" } = input;
  const names = series.map(({ name }) => name);
  const longest = Math.max(0, ...series.map(({ loss }) => loss?.length ?? 0));
  const bucket = Math.ceil(longest / MAX_POINTS);
  const loss = series.flatMap(({ name, loss: points = [] }) =>
    averaged(points, Math.max(1, bucket)).map((point) => ({ name, ...point })),
  );
  const accuracy = series.flatMap(({ name, accuracy: points = [] }) =>
    finite(points).map(({ step, value }) => ({ name, step, value: 100 * value })),
  );
  const panels = [
    ...(loss.length > 0
      ? [
          panel(names, loss, {
            x: "Optimizer step",
            y: bucket > 1 ? `Training loss (nats, mean over ${bucket} steps)` : "Training loss (nats)",
            points: false,
          }),
        ]
      : []),
    ...(accuracy.length > 0
      ? [panel(names, accuracy, { x: "Epoch", y: `${accuracyLabel} (%)`, points: true })]
      : []),
  ];
  if (panels.length === 0) return undefined;
  return {
    title: { text: input.title },
    spacing: 30,
    hconcat: panels,
    resolve: { scale: { color: "shared", strokeDash: "shared" } },
  } as TopLevelSpec;
}

function panel(
  names: readonly string[],
  values: readonly { name: string; step: number; value: number }[],
  axes: { readonly x: string; readonly y: string; readonly points: boolean },
) {
  const steps = values.map(({ step }) => step);
  const last = steps.reduce((a, b) => Math.max(a, b));
  // Steps are shown from zero; epochs, which count from one, from the first there is.
  const first = axes.points ? steps.reduce((a, b) => Math.min(a, b)) : 0;
  return {
    width: 330,
    height: 250,
    data: { values },
    mark: {
      type: "line" as const,
      strokeWidth: 2,
      ...(axes.points ? { point: { size: 36, filled: true } } : {}),
    },
    encoding: {
      x: {
        field: "step",
        type: "quantitative" as const,
        scale: { domain: [first, last], zero: false, nice: false, padding: 6 },
        axis: { title: axes.x, values: wholeTicks(first, last), format: ",d", grid: false },
      },
      y: {
        field: "value",
        type: "quantitative" as const,
        scale: { zero: true },
        axis: { title: axes.y, tickCount: 6 },
      },
      color: {
        field: "name",
        type: "nominal" as const,
        scale: colourScale(names),
        legend: legendFor(names, { symbolType: "stroke", symbolSize: 500 }),
      },
      strokeDash: {
        field: "name",
        type: "nominal" as const,
        scale: dashScale(names),
        legend: legendFor(names, { symbolType: "stroke", symbolSize: 500 }),
      },
    },
  };
}

/** Means over runs of `bucket` consecutive points, placed at their mean step. */
function averaged(points: readonly CurvePoint[], bucket: number): CurvePoint[] {
  const kept = finite(points);
  const out: CurvePoint[] = [];
  for (let at = 0; at < kept.length; at += bucket) {
    const run = kept.slice(at, at + bucket);
    const mean = (of: (point: CurvePoint) => number) => run.reduce((sum, p) => sum + of(p), 0) / run.length;
    out.push({ step: mean((p) => p.step), value: mean((p) => p.value) });
  }
  return out;
}

/** A diverged run ends in NaN or infinity: drawn up to there. */
function finite(points: readonly CurvePoint[]): CurvePoint[] {
  return points.filter(({ value }) => Number.isFinite(value));
}
