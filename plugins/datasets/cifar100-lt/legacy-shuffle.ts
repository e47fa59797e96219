import { mersenne } from "pure-rand/generator/mersenne";

/** Shuffles in place. */
export type Shuffle = (values: Int32Array) => void;

/**
 * The stream of shuffles that `numpy.random.seed(seed)` and calls of `numpy.random.shuffle` give. NumPy keeps this legacy
 * generator frozen (NEP 19): MT19937 seeded by Knuth's recurrence, which is pure-rand's `mersenne`; Fisher–Yates from the
 * end, with bounded integers by masking and rejection.
 */
export function legacyShuffle(seed: number): Shuffle {
  const generator = mersenne(seed);
  const upTo = (max: number): number => {
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (generator.next() & mask) >>> 0;
      if (value <= max) return value;
    }
  };
  return (values) => {
    for (let i = values.length - 1; i > 0; i--) {
      const j = upTo(i);
      const kept = values[i]!;
      values[i] = values[j]!;
      values[j] = kept;
    }
  };
}
