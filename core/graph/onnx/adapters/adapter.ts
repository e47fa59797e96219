import type { Graph } from "../../graph.ts";
import type { Attrs, Value } from "../../value.ts";

/** An operator of a loaded model, of whichever version its file is written in. */
export interface AdaptedNode {
  readonly g: Graph;
  readonly op: string;
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly inputs: readonly (Value | null)[];
  readonly attrs: Attrs;
  /** How many outputs it has. */
  readonly outputs: number;
  /** Required input number `at`. */
  input(at: number): Value;
  /** Integers of an input, or of the attribute that older versions have instead; undefined where there is neither. */
  ints(at: number, attribute: string): readonly number[] | undefined;
  number(attribute: string, fallback: number): number;
  fail(problem: string, hint?: string): never;
}

/** Writes an operator with those that the graph has; undefined where it is one of them as it stands. */
export type Adapter = (node: AdaptedNode) => readonly Value[] | undefined;

export type AdapterTable = Readonly<Record<string, Adapter>>;

export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
