import { DualtailError } from "../errors.ts";
import { describeValue, type Node, type Value } from "./value.ts";

/** An operator was given values whose shapes or dtypes do not fit. */
export class ShapeError extends DualtailError {
  readonly op: string;

  constructor(op: string, inputs: readonly (Pick<Value, "dtype" | "shape"> | null)[], problem: string) {
    const given = inputs.map((value) => (value === null ? "—" : describeValue(value))).join(", ");
    super(`${op}(${given}): ${problem}`);
    this.op = op;
  }
}

/** An operator that a table (shapes, gradients) has no entry for. */
export class UnknownOpError extends DualtailError {
  readonly op: string;
  /** Where in a graph, if it is in one already. */
  readonly node: Node | undefined;

  constructor(op: string, table: string, known: readonly string[], at: { node?: Node; name?: string } = {}) {
    super(`no ${table} for the operator ${op}${at.name === undefined ? "" : ` of node "${at.name}"`}`, {
      hint: `there is one for: ${[...known].sort().join(", ")}`,
    });
    this.op = op;
    this.node = at.node;
  }
}
