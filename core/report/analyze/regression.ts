import { sampleStandardDeviation } from "simple-statistics";
import { pearson, studentQuantile } from "../../evaluation/index.ts";

/** Change of y per standard deviation of a predictor, the other one held fixed. */
export interface Coefficient {
  readonly value: number;
  /** 95 %, Student's t; as ordinary least squares has it, for errors of equal variance. */
  readonly low: number;
  readonly high: number;
}

export interface Regression {
  readonly n: number;
  /** Undefined for a constant predictor, which explains nothing and is left out of the fit. */
  readonly coefficients: readonly [Coefficient | undefined, Coefficient | undefined];
  /** Share of y's variance explained; undefined for a constant y. */
  readonly r2: number | undefined;
  /** Pearson's r of the two predictors; undefined where one is constant. */
  readonly between: number | undefined;
}

/**
 * Ordinary least squares of y on both standardised predictors, with an intercept. For two predictors the normal
 * equations are solved by hand: β_j = s_y (r_yj − r_yi r_12) / (1 − r_12²).
 * Undefined for fewer than 4 points, without a predictor that varies, and for predictors that are each other's multiple.
 */
export function regress(
  y: readonly number[],
  x1: readonly number[],
  x2: readonly number[],
): Regression | undefined {
  const n = y.length;
  if (n < 4) return undefined;
  const spread = sampleStandardDeviation([...y]);
  const varies = [x1, x2].map((x) => !isConstant(x));
  if (!varies.includes(true)) return undefined;
  const between = pearson(x1, x2);
  const [a, b] = [pearson(y, x1) ?? 0, pearson(y, x2) ?? 0];
  const r = between ?? 0;
  // What a predictor has of its own; 1 where it is alone in the fit.
  const own = 1 - r ** 2;
  if (own < 1e-9) return undefined;
  const standardised = [(a - b * r) / own, (b - a * r) / own] as const;
  const explained = Math.min(1, (a ** 2 + b ** 2 - 2 * a * b * r) / own);
  const freedom = n - 1 - varies.filter(Boolean).length;
  const error = Math.sqrt(((1 - explained) * spread ** 2) / (freedom * own));
  const half = studentQuantile(0.95, freedom) * error;
  const coefficient = (j: 0 | 1): Coefficient | undefined => {
    if (!varies[j]) return undefined;
    const value = standardised[j] * spread;
    return { value, low: value - half, high: value + half };
  };
  return {
    n,
    coefficients: [coefficient(0), coefficient(1)],
    r2: isConstant(y) ? undefined : explained,
    between,
  };
}

const isConstant = (values: readonly number[]) => values.every((value) => value === values[0]);
