import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Uniform numbers in [0, 1) that depend on nothing but the key. */
export type Uniform = () => number;

/** FNV-1a over the parts: a 32-bit seed that differs whenever a part differs. */
export function hashSeed(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const char of parts.join("\u0000")) {
    hash ^= char.codePointAt(0) ?? 0;
    hash = Math.imul(hash, 0x01000193);
  }
  return hash | 0;
}

/** A generator for one purpose, e.g. `uniformFrom(seed, "sampler", epoch)`; purposes never share a stream. */
export function uniformFrom(...key: readonly (string | number)[]): Uniform {
  const generator = xoroshiro128plus(hashSeed(...key));
  return () => uniformFloat64(generator);
}

/** Standard normal numbers (Box–Muller). */
export function normalFrom(uniform: Uniform): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** A permutation of 0 … n − 1 (Fisher–Yates). */
export function permutation(n: number, uniform: Uniform): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
