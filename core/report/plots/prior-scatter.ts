import type { TopLevelSpec } from "vega-lite";
import { renderSvg } from "../../comparison/presentation/plots/render.ts";
import { MUTED, PALETTE } from "../../comparison/presentation/plots/theme.ts";
import { logTicks } from "../../comparison/presentation/plots/ticks.ts";

/** Estimated pre-training prior against the recorded share, a point per class on logarithmic axes, with the diagonal. */
export function priorScatter(
  title: string,
  recorded: readonly number[],
  estimated: readonly number[],
): Promise<string> {
  const total = recorded.reduce((sum, count) => sum + count, 0);
  const all = recorded.map((count, k) => ({ recorded: count / total, estimated: estimated[k]! }));
  // A logarithm has no place for 0; the caption's count says how many were left out.
  const values = all.filter((point) => point.recorded > 0 && point.estimated > 0);
  const left = all.length - values.length;
  const extent = values.flatMap((point) => [point.recorded, point.estimated]);
  const domain = [Math.min(...extent) / 1.3, Math.max(...extent) * 1.3];
  const axis = (name: string) => ({ title: name, values: logTicks(domain[0]!, domain[1]!), format: "~g" });
  const scale = { type: "log" as const, domain, nice: false };
  return renderSvg({
    title: { text: title, ...(left > 0 ? { subtitle: `${left} classes of share 0 are not drawn.` } : {}) },
    width: 330,
    height: 330,
    layer: [
      {
        data: { values: domain.map((at) => ({ recorded: at, estimated: at })) },
        mark: { type: "line", color: MUTED, strokeDash: [4, 4], strokeWidth: 1 },
        encoding: {
          x: { field: "recorded", type: "quantitative", scale, axis: axis("Recorded share of pre-training") },
          y: { field: "estimated", type: "quantitative", scale, axis: axis("Estimated prior") },
        },
      },
      {
        data: { values },
        mark: { type: "point", filled: true, size: 32, opacity: 0.65, color: PALETTE[0]! },
        encoding: {
          x: { field: "recorded", type: "quantitative", scale },
          y: { field: "estimated", type: "quantitative", scale },
        },
      },
    ],
  } as TopLevelSpec);
}
