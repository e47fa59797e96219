import type { ComparisonResult } from "../../core/comparison/execution-types.ts";
import type { SweepPart } from "./grid.ts";
import type { Alignment } from "./towers.ts";

/** Accuracies of one tower, ratio and loss, averaged over seeds, in [0, 1]. */
export interface SweepRow {
  readonly ratio: number;
  readonly skew: string;
  readonly alignment?: Alignment;
  /** Towers that the row combines; 1 for a row of its own. */
  readonly towers: number;
  readonly loss: string;
  readonly seeds: number;
  readonly overall: number;
  /** Sample standard deviation over seeds of `overall`; absent for one seed. */
  readonly sd?: number;
  /** Mean accuracy of the D-Few, P-Few and dual-tail classes; absent where there are none. */
  readonly dFew?: number;
  readonly pFew?: number;
  readonly dualTail?: number;
}

/** A row per part, loss and tower; what combines several towers has no alignment of its own. */
export function sweepRows(
  results: readonly { readonly part: SweepPart; readonly result: ComparisonResult }[],
): SweepRow[] {
  return results.flatMap(({ part, result }) => {
    const keys = new Map<string, (typeof result.rows)[number][]>();
    for (const row of result.rows) {
      const key = JSON.stringify([row.loss, row.backbones]);
      keys.set(key, [...(keys.get(key) ?? []), row]);
    }
    return Array.from(keys.values(), (rows): SweepRow => {
      const { loss, backbones } = rows[0]!;
      const single = backbones.length === 1 ? backbones[0] : undefined;
      const tower = part.towers.find(({ name }) => name === single);
      const of = (key: string) => {
        const values = rows.flatMap(({ metrics }) => {
          const value = metrics[`test/${key}`];
          return value === undefined || Number.isNaN(value) ? [] : [value];
        });
        return values.length ? values : undefined;
      };
      const overall = of("overall") ?? [];
      const optional = { dFew: of("d_few"), pFew: of("p_few"), dualTail: of("dual_tail") };
      return {
        ratio: part.ratio,
        skew: part.towers[0]!.skew,
        ...(tower?.alignment ? { alignment: tower.alignment } : {}),
        towers: backbones.length,
        loss,
        seeds: rows.length,
        overall: mean(overall),
        ...(overall.length > 1 ? { sd: deviation(overall) } : {}),
        ...Object.fromEntries(
          Object.entries(optional).flatMap(([key, values]) => (values ? [[key, mean(values)]] : [])),
        ),
      };
    });
  });
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (values.length - 1));
}
