import { sampleCorrelation, sampleRankCorrelation } from "simple-statistics";
import { DualtailError } from "../errors.ts";

/** Pearson's r; undefined for fewer than two pairs or a constant side. */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number | undefined {
  const [a, b] = pairs(x, y);
  return a.length < 2 || constant(a) || constant(b) ? undefined : clamp(sampleCorrelation(a, b));
}

/** Spearman's ρ, tied values sharing their average rank; undefined for fewer than two pairs or a constant side. */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number | undefined {
  const [a, b] = pairs(x, y);
  return a.length < 2 || constant(a) || constant(b) ? undefined : clamp(sampleRankCorrelation(a, b));
}

/** Σ p log(p/q) in nats; p and q are normalised first. 0 log 0 = 0; infinite where q is 0 and p is not. */
export function klDivergence(p: ArrayLike<number>, q: ArrayLike<number>): number {
  const [a, b] = pairs(p, q).map(normalised) as [number[], number[]];
  const sum = a.reduce(
    (total, value, k) => (value === 0 ? total : total + value * Math.log(value / b[k]!)),
    0,
  );
  return Math.max(0, sum);
}

function pairs(x: ArrayLike<number>, y: ArrayLike<number>): [number[], number[]] {
  if (x.length !== y.length) {
    throw new DualtailError(`correlation: ${x.length} values against ${y.length}`);
  }
  const a = Array.from(x);
  const b = Array.from(y);
  const bad = a.findIndex((value, i) => Number.isNaN(value) || Number.isNaN(b[i]!));
  if (bad >= 0)
    throw new DualtailError(`correlation: value ${bad} is NaN`, { hint: "leave undefined pairs out" });
  return [a, b];
}

function normalised(values: readonly number[]): number[] {
  const total = values.reduce((a, b) => a + b, 0);
  if (!(total > 0) || values.some((value) => value < 0)) {
    throw new DualtailError("KL divergence: not a distribution (negative entries, or nothing but zeros)");
  }
  return values.map((value) => value / total);
}

function constant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

/** Rounding may leave ±1 by an ulp. */
function clamp(value: number): number {
  return Math.max(-1, Math.min(1, value));
}
