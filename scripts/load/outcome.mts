/** What came of one case. */
export interface Outcome {
  readonly name: string;
  readonly title: string;
  /** What was found, in order: what it is, and its value in words. */
  readonly facts: readonly (readonly [string, string])[];
  /** Rows of a table of its own, the first one its head. */
  readonly table?: readonly (readonly string[])[];
  /** Why it is not as it must be; empty when it is. */
  readonly problems: readonly string[];
}

export const sizeOf = (bytes: number) =>
  bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
export const seconds = (value: number) => `${value.toFixed(1)} s`;
