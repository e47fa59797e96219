import type { SweepRow } from "./summary.ts";

/** What an imbalance costs a loss: differences of mean accuracy, in [−1, 1]; negative: it costs accuracy. */
export interface Effects {
  readonly loss: string;
  /** From ratio 1 to the largest ratio, averaged over the towers that have both. */
  readonly data: number;
  /** From flat to each strong tower, averaged over the ratios. */
  readonly parameter: Readonly<Record<string, number>>;
  /** What both cost together beyond their sum, per strong tower; negative: they aggravate each other. */
  readonly interaction: Readonly<Record<string, number>>;
}

const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Main effects and interaction of the two imbalances per loss, from the corners of the grid. */
export function effects(rows: readonly SweepRow[], metric: "overall" | "dFew" = "overall"): Effects[] {
  const single = rows.filter(({ towers }) => towers === 1);
  const losses = [...new Set(single.map(({ loss }) => loss))];
  const ratios = [...new Set(single.map(({ ratio }) => ratio))].sort((a, b) => a - b);
  const [low, high] = [ratios[0]!, ratios.at(-1)!];
  return losses.map((loss) => {
    const at = (ratio: number, tower: string): number => {
      const row = single.find((own) => own.loss === loss && own.ratio === ratio && nameOf(own) === tower);
      return row?.[metric] ?? Number.NaN;
    };
    const own = single.filter((row) => row.loss === loss);
    const towers = [...new Set(own.map(nameOf))];
    const strong = towers.filter((tower) => tower.startsWith("strong"));
    const drop = (tower: string) => at(high, tower) - at(low, tower);
    return {
      loss,
      data: average(towers.map(drop)),
      parameter: Object.fromEntries(
        strong.map((tower) => [tower, average(ratios.map((ratio) => at(ratio, tower) - at(ratio, "flat")))]),
      ),
      interaction: Object.fromEntries(strong.map((tower) => [tower, drop(tower) - drop("flat")])),
    };
  });
}

/** "strong-aligned", "flat" */
export const nameOf = ({ skew, alignment }: SweepRow): string =>
  alignment === undefined ? skew : `${skew}-${alignment}`;
