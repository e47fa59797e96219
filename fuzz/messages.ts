/** What parent and child tell each other. */

/** Refusing an input with a typed error that names it is as good as reading it; all others are bugs. */
export const GOOD = ["accepted", "refused"] as const;
export const BAD = [
  "wrong result",
  "untyped error",
  "unnamed file",
  "slow",
  "memory",
  "crash",
  "hang",
] as const;
export type Outcome = (typeof GOOD)[number] | (typeof BAD)[number];

export interface Limits {
  /** Of processor time, for one case. */
  readonly seconds: number;
  /** By which a case may raise the peak of the process's memory. */
  readonly mebibytes: number;
}

export interface Job {
  readonly seed: number;
  readonly target: string;
  readonly cases: readonly number[];
  readonly limits: Limits;
}

export interface Begun {
  readonly begun: number;
}

export interface Ended {
  readonly ended: number;
  readonly outcome: Outcome;
  readonly detail?: string | undefined;
  readonly seconds: number;
  readonly mebibytes: number;
}
