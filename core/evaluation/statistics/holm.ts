import { DualtailError } from "../../errors.ts";

/**
 * Holm's step-down adjustment (1979): p-values that hold over the whole family, in the order given. Valid under any
 * dependence. @throws DualtailError for a value outside [0, 1]
 */
export function holm(pValues: readonly number[]): number[] {
  const bad = pValues.find((p) => !(p >= 0 && p <= 1));
  if (bad !== undefined) throw new DualtailError(`Holm correction: ${bad} is no p-value`);
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
  const adjusted = new Array<number>(pValues.length);
  let highest = 0;
  order.forEach((i, rank) => {
    highest = Math.max(highest, Math.min(1, (pValues.length - rank) * pValues[i]!));
    adjusted[i] = highest;
  });
  return adjusted;
}
