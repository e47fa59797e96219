import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A stream of uniform numbers in [0, 1) that depends on the key alone; every purpose has a key of its own. */
export function uniform(...key: readonly (string | number)[]): () => number {
  let hash = 0x811c9dc5;
  for (const char of key.join("\u0000")) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  const generator = xoroshiro128plus(hash | 0);
  return () => uniformFloat64(generator);
}

/** A shuffled copy (Fisher–Yates). */
export function shuffled<T>(items: readonly T[], draw: () => number): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}
