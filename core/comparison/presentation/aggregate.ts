/** One finished run of a comparison. */
export interface ResultRow {
  readonly loss: string;
  readonly backbone: string;
  readonly peft?: string;
  readonly seed?: number;
  /** Flat metrics as `metricsToRecord` makes them, values in [0, 1]; an undefined metric is absent. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Spread {
  readonly mean: number;
  /** Sample standard deviation (n − 1); absent for a single run. */
  readonly sd?: number;
  /** Runs in which the metric is defined. */
  readonly runs: number;
}

/** Runs that differ in the seed only. */
export interface AggregatedRow {
  readonly loss: string;
  readonly backbone: string;
  readonly peft?: string;
  readonly seeds: readonly number[];
  readonly runs: number;
  readonly metrics: Readonly<Record<string, Spread>>;
}

/** Joins runs that differ in the seed only, in order of first appearance. */
export function aggregateOverSeeds(rows: readonly ResultRow[]): AggregatedRow[] {
  const groups = new Map<string, ResultRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.loss, row.backbone, row.peft ?? null]);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return Array.from(groups.values(), (group) => {
    const { loss, backbone, peft } = group[0]!;
    const keys = new Set(group.flatMap((row) => Object.keys(row.metrics)));
    const metrics: Record<string, Spread> = {};
    for (const key of keys) {
      metrics[key] = spread(
        group.flatMap(({ metrics: own }) =>
          own[key] === undefined || Number.isNaN(own[key]) ? [] : [own[key]],
        ),
      );
      if (metrics[key].runs === 0) delete metrics[key];
    }
    return {
      loss,
      backbone,
      ...(peft === undefined ? {} : { peft }),
      seeds: group.flatMap(({ seed }) => (seed === undefined ? [] : [seed])),
      runs: group.length,
      metrics,
    };
  });
}

function spread(values: readonly number[]): Spread {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length < 2) return { mean, runs: values.length };
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
  return { mean, sd: Math.sqrt(variance), runs: values.length };
}
