import { type Uniform, uniformFrom } from "../core/training/random.ts";

/** What a case draws; equal keys draw the same. */
export interface Random {
  /** 0 … n − 1 */
  below(n: number): number;
  chance(p: number): boolean;
  pick<T>(list: readonly T[]): T;
  bytes(n: number): Buffer;
}

export function randomFrom(...key: readonly (string | number)[]): Random {
  const uniform: Uniform = uniformFrom("fuzz", ...key);
  const below = (n: number) => Math.floor(uniform() * n);
  return {
    below,
    chance: (p) => uniform() < p,
    pick: (list) => list[below(list.length)]!,
    bytes: (n) => Buffer.from(Array.from({ length: n }, () => below(256))),
  };
}
