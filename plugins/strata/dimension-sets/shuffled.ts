import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A permutation of 0 … n − 1 (Fisher–Yates) that depends on the seed alone. */
export function shuffled(n: number, seed: number): number[] {
  const generator = xoroshiro128plus(seed);
  const items = [...Array(n).keys()];
  for (let i = n - 1; i > 0; i--) {
    const j = uniformInt(generator, 0, i);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
