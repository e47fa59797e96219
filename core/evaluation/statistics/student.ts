import { mean, sampleStandardDeviation } from "simple-statistics";

/** A mean with its 95 % interval. */
export interface MeanInterval {
  readonly value: number;
  readonly n: number;
  /** Absent for a single value, from which no spread can be known. */
  readonly low?: number;
  readonly high?: number;
}

/** Mean ± t·s/√n: for figures of which only one number per seed is known. Undefined without values. */
export function studentInterval(values: readonly number[], level = 0.95): MeanInterval | undefined {
  const n = values.length;
  if (n === 0) return undefined;
  const value = mean([...values]);
  if (n === 1) return { value, n };
  const half = (studentQuantile(level, n - 1) * sampleStandardDeviation([...values])) / Math.sqrt(n);
  return { value, n, low: value - half, high: value + half };
}

/** t with P(|T| < t) = level for ν degrees of freedom, by bisection. */
export function studentQuantile(level: number, nu: number): number {
  let low = 0;
  let high = 1;
  while (within(high, nu) < level) high *= 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (within(middle, nu) < level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(|T| < t) for whole ν: the finite series of Abramowitz & Stegun 26.7.3 and 26.7.4. */
function within(t: number, nu: number): number {
  const theta = Math.atan(t / Math.sqrt(nu));
  const cos2 = Math.cos(theta) ** 2;
  const odd = nu % 2 === 1;
  let term = odd ? Math.cos(theta) : 1;
  let sum = nu === 1 ? 0 : term;
  for (let j = odd ? 2 : 1; j <= nu - 3; j += 2) {
    term *= (j / (j + 1)) * cos2;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (theta + Math.sin(theta) * sum) : Math.sin(theta) * sum;
}
