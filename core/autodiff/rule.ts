import { DualtailError } from "../errors.ts";
import type { Attrs, Graph, Node, Value } from "../graph/index.ts";

/** An operator that has a gradient rule, in a use that the rule does not cover. */
export class UndifferentiableError extends DualtailError {
  readonly node: Node;

  constructor(node: Node, why: string) {
    super(`${node.op} ${why} has no gradient`, { hint: "train only weights behind it" });
    this.node = node;
  }
}

/** What a gradient rule sees of the operator application it differentiates. */
export interface RuleContext {
  readonly g: Graph;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The first output, and the gradient of the loss with respect to it. */
  readonly out: Value;
  readonly dy: Value;
  readonly attrs: Attrs;
  /** Sums a gradient down to the shape of a value that was broadcast. */
  sumTo(gradient: Value, target: Value): Value;
  /** Says that this use of the operator has no gradient. @throws UndifferentiableError */
  refuse(why: string): never;
  /** An integer attribute. */
  int(name: string, fallback: number): number;
}

/**
 * Gradients of the loss with respect to the inputs, in order; null where there is none (indices, shapes, conditions).
 * A rule writes all of them: what no trainable value needs is never reached from an output and is not serialised.
 */
export type Rule = (context: RuleContext) => readonly (Value | null)[];

/** Rules by operator, as ONNX names it. */
export type RuleTable = Readonly<Record<string, Rule>>;
