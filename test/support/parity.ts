import { appendFileSync } from "node:fs";
import { expect } from "vitest";

export interface ParityCheck {
  /** What is compared, e.g. "lora". Rows of the parity table are grouped by it. */
  readonly module: string;
  /** Which of its outputs, e.g. "gradient of a". */
  readonly what: string;
  /** Who gave the expected values, e.g. "peft 0.18". */
  readonly reference: string;
  readonly actual: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
  /** Largest relative error allowed. */
  readonly tolerance: number;
}

/** max |actual − expected| / max |expected|; NaN when either has one, Infinity for unequal lengths. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [error, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(difference)) return Number.NaN;
    error = Math.max(error, difference);
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  // Nothing to be relative to: an expected zero is met exactly or not at all.
  return scale === 0 ? (error === 0 ? 0 : Number.POSITIVE_INFINITY) : error / scale;
}

/** Compares with a reference, and notes the error for the parity table when `npm run parity` asks for it. */
export function expectParity({ actual, expected, tolerance, ...row }: ParityCheck): void {
  const error = relativeError(actual, expected);
  const file = process.env.DUALTAIL_PARITY_FILE;
  if (file) {
    const line = {
      ...row,
      error: Number.isFinite(error) ? error : String(error),
      tolerance,
      values: expected.length,
    };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  }
  expect(expected.length, `${row.module}: ${row.what} compares something`).toBeGreaterThan(0);
  expect(error, `${row.module}: ${row.what}, relative error against ${row.reference}`).toBeLessThanOrEqual(
    tolerance,
  );
}
