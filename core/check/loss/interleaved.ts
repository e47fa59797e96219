import { median } from "simple-statistics";

/** Rounds before those that count: caches and arenas are filled. */
const WARM_UP = 2;

/**
 * Median time of each of several runs, in the unit that they give: taken in turn, every other round backwards, so that
 * a machine that slows down or is busy for a while is no advantage to any of them.
 */
export async function interleavedMedians(
  runs: readonly (() => Promise<number>)[],
  rounds: number,
): Promise<number[]> {
  const times = runs.map((): number[] => []);
  const forwards = [...runs.keys()];
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const i of round % 2 === 0 ? forwards : [...forwards].reverse()) {
      const time = await runs[i]!();
      if (round >= 0) times[i]!.push(time);
    }
  }
  return times.map(median);
}
