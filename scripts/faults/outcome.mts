import type { Found } from "./check.mts";
import type { ChildReport } from "./spec.mts";

/** What came of one case. */
export interface Outcome {
  readonly name: string;
  readonly title: string;
  /** In the end, after `sync` where something was left. */
  readonly found: Found;
  /** Points shown when the process ended. */
  readonly shownAtExit: number;
  /** Points that the user was told are lost. */
  readonly toldLost: number;
  readonly code: number | null;
  /** Lines of warning. */
  readonly warnings: readonly string[];
  /** Time of a `logMetrics`, ms. */
  readonly log?: { readonly median: number; readonly p99: number };
  readonly closeMs?: number;
  readonly note?: string;
  /** Why it is not as it must be; empty when it is. */
  readonly problems: readonly string[];
}

export function logTimes({ logMs }: ChildReport): Outcome["log"] {
  if (logMs.length === 0) return undefined;
  const sorted = [...logMs].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { median: at(0.5), p99: at(0.99) };
}

/** What is wrong with what a server shows. */
export function problemsOf(found: Found, toldLost = 0): string[] {
  const { lost, doubled, wrong } = found;
  return [
    ...(lost === toldLost ? [] : [`${lost} points lost, ${toldLost} told`]),
    ...(doubled === 0 ? [] : [`${doubled} points doubled`]),
    ...wrong,
  ];
}
