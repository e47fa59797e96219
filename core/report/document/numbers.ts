import { percent, UNDEFINED } from "../../comparison/presentation/format.ts";

/** A difference in percentage points, signed: 0.0123 → "+1.2". */
export function points(difference: { readonly value: number } | undefined): string {
  return difference === undefined ? UNDEFINED : signed(difference.value);
}

/** "[−0.3, +2.1]" in points; "(one seed)" where there is no interval. */
export function interval(bounds: { readonly low?: number; readonly high?: number } | undefined): string {
  if (bounds === undefined) return "";
  if (bounds.low === undefined || bounds.high === undefined) return "(one seed: no interval)";
  return `[${signed(bounds.low)}, ${signed(bounds.high)}]`;
}

/** "[45.1, 49.0]" in per cent, of an accuracy: what a wide interval has beyond 0 and 100 means nothing. */
export const range = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  `[${percent(Math.max(0, low))}, ${percent(Math.min(1, high))}]`;

export function signed(share: number): string {
  const text = (100 * share).toFixed(1);
  return Number(text) === 0 ? "0.0" : share > 0 ? `+${text}` : `−${text.slice(1)}`;
}

/** p-values: "< 0.001", "0.034". */
export const pValue = (p: number): string => (p < 0.001 ? "< 0.001" : p.toFixed(3));

/** A correlation or another plain number: "−0.123". */
export const fixed = (value: number | undefined): string =>
  value === undefined
    ? UNDEFINED
    : Number.isFinite(value)
      ? value
          .toFixed(3)
          .replace("-", "−")
          .replace(/^−(?=0\.000$)/, "")
      : "∞";

export { percent, UNDEFINED };
