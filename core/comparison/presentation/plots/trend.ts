export interface TrendPoint {
  readonly x: number;
  readonly y: number;
}

/**
 * Mean of y over classes of similar x: classes sorted by x are cut into at most `bins` runs of about equal size, equal x
 * never being split; each gives one point at its mean y and, as the plots' x axes are logarithmic, its geometric mean x.
 *
 * @param x positive
 */
export function binnedTrend(x: readonly number[], y: readonly number[], bins = 8): TrendPoint[] {
  const order = x.map((_, i) => i).sort((i, j) => x[i]! - x[j]! || i - j);
  const size = order.length / Math.min(bins, Math.max(1, Math.floor(order.length / 5)));
  const points: TrendPoint[] = [];
  let run: number[] = [];
  order.forEach((i, rank) => {
    run.push(i);
    const next = order[rank + 1];
    const last = next === undefined;
    // A run ends where the ideal border has been passed and x changes, unless the rest would be a mere remnant.
    const full = rank + 1 >= size * (points.length + 1) - 1e-9 && order.length - rank - 1 >= size / 2;
    if (!last && !(full && x[next] !== x[i])) return;
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    points.push({ x: Math.exp(mean(run.map((j) => Math.log(x[j]!)))), y: mean(run.map((j) => y[j]!)) });
    run = [];
  });
  return points;
}
