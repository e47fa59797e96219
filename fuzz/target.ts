import type { Random } from "./random.ts";

/** One mutated input. */
export interface Case {
  /** Must occur in what an error says: the file or folder that is broken. */
  readonly subject: string;
  /**
   * Reads the input. A DualtailError is a refusal; any other error a bug, and so is a `WrongResult` when what was read
   * is not what the input says.
   */
  read(): Promise<void>;
}

/** A part of dualtail that reads files from outside. */
export interface Target {
  readonly name: string;
  /** Runs once per process; `folder` is empty and the target's own. Gives the function that makes a case. */
  prepare(folder: string): Promise<(random: Random) => Promise<Case>>;
}

/** What was read differs from what the input holds. */
export class WrongResult extends Error {}

export function expectThat(condition: boolean, message: string): asserts condition {
  if (!condition) throw new WrongResult(message);
}
