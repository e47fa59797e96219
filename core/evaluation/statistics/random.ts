import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A source of whole numbers in [0, n), n ≤ 2^31. */
export type DrawBelow = (n: number) => number;

/** Draws keyed by a seed and a purpose: streams of different purposes do not depend on each other's length. */
export function drawsFor(seed: number, purpose: string): DrawBelow {
  // FNV-1a: any spread over 32 bits will do, the generator mixes further.
  let hash = 0x811c9dc5;
  for (const char of `${seed}/${purpose}`) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  const generator = xoroshiro128plus(hash | 0);
  // Multiply-shift on 32 bits: its bias, n / 2^32, is far below the bootstrap's own noise.
  return (n) => Math.floor(((generator.next() >>> 0) / 0x1_0000_0000) * n);
}
