import type { FloatType } from "../graph/index.ts";

/** How exactly results are compared. */
export interface Precision {
  readonly floatType: FloatType;
  /**
   * Two ways to compute the same number may differ by this, relative to 1 + its size. Sums of K terms in another order
   * differ by about K · ε of their largest term (ε = 1e-16 or 6e-8): a thousand times more is allowed for cancellation,
   * and a wrong formula is off by far more.
   */
  readonly rounding: number;
  /** Step h of central differences: rounding of about ε / h and truncation of about h⁴ are both far below `gradient`. */
  readonly step: number;
  /** Smallest deviation of a gradient that counts, relative to 1 + its size. */
  readonly gradient: number;
}

export const DOUBLE: Precision = { floatType: "float64", rounding: 1e-10, step: 2 ** -10, gradient: 1e-7 };
/** For operators without a kernel in double precision. */
export const SINGLE: Precision = { floatType: "float32", rounding: 1e-4, step: 2 ** -5, gradient: 2e-3 };

/** |a − b| relative to 1 + the larger. */
export const deviation = (a: number, b: number): number =>
  Math.abs(a - b) / (1 + Math.max(Math.abs(a), Math.abs(b)));

export const largestDeviation = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => {
    const one = deviation(value, b[i]!);
    return Number.isNaN(one) ? Number.NaN : Math.max(most, one);
  }, 0);

/** As it fits into a message. */
export const show = (value: number): string => String(Number(value.toPrecision(6)));
