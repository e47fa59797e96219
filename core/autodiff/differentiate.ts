import { type Graph, type Node, ShapeError, sizeOf, UnknownOpError, type Value } from "../graph/index.ts";
import { type RuleTable, UndifferentiableError } from "./rule.ts";
import { rules as builtInRules } from "./rules/index.ts";
import { sumTo } from "./sum-to.ts";

/** How gradients are derived. */
export interface DifferentiateOptions {
  /** Gradient rules by operator; the built-in table when absent. */
  readonly rules?: RuleTable;
}

/**
 * Appends to `g` the gradients of the scalar `loss` with respect to each of `wrt` and returns them, in order, with the
 * shapes of `wrt`. Only operators that lie between `wrt` and the loss are visited, so frozen weights get no gradient.
 * A value that the loss does not depend on gets zeros.
 *
 * @throws ShapeError when the loss is not a single float, UnknownOpError for an operator without a rule on the way,
 * UndifferentiableError for a use of one that its rule does not cover
 */
export function differentiate(
  g: Graph,
  loss: Value,
  wrt: readonly Value[],
  options: DifferentiateOptions = {},
): Value[] {
  if (sizeOf(loss.shape) !== 1)
    throw new ShapeError("differentiate", [loss], "the loss must be a single number");
  const seed = g.constant([1], loss.shape, loss.dtype);
  return backpropagate(g, new Map([[loss, seed]]), wrt, options).map(
    (gradient, i) => gradient ?? g.expand(g.scalar(0, wrt[i]!.dtype), wrt[i]!.shape),
  );
}

/**
 * The vector-Jacobian product: appends to `g` the gradients of `wrt`, given those of some outputs (`seeds`, shaped like
 * them). Undefined for a value that no output depends on.
 *
 * @throws UnknownOpError for an operator without a rule on the way
 */
export function backpropagate(
  g: Graph,
  seeds: ReadonlyMap<Value, Value>,
  wrt: readonly Value[],
  { rules = builtInRules }: DifferentiateOptions = {},
): (Value | undefined)[] {
  const path = nodesBetween(g, wrt, [...seeds.keys()]);
  const gradients = new Map<Value, Value>(seeds);
  const accumulate = (value: Value, gradient: Value) => {
    const sum = gradients.get(value);
    gradients.set(value, sum ? g.add(sum, gradient) : gradient);
  };
  for (const node of path.nodes.reverse()) {
    const [out] = node.outputs;
    const dy = out && gradients.get(out);
    if (!dy) continue;
    const rule = rules[node.op];
    if (rule === undefined) throw new UnknownOpError(node.op, "gradient rule", Object.keys(rules), { node });
    const inputs = node.inputs.flatMap((value) => (value === null ? [] : [value]));
    const given = rule({
      g,
      inputs,
      outputs: node.outputs,
      out,
      dy,
      attrs: node.attrs,
      sumTo: (gradient, target) => sumTo(g, gradient, target),
      refuse: (why) => {
        throw new UndifferentiableError(node, why);
      },
      int: (name, fallback) => Number(node.attrs[name] ?? fallback),
    });
    inputs.forEach((value, i) => {
      const gradient = given[i];
      if (!gradient || !path.active.has(value)) return;
      if (gradient.shape.join() !== value.shape.join()) {
        throw new ShapeError(`gradient of ${node.op}`, [value, gradient], "the rule returned another shape");
      }
      accumulate(value, gradient);
    });
  }
  return wrt.map((value) => (path.active.has(value) ? gradients.get(value) : undefined));
}

/** The nodes through which `wrt` reaches the ends, in order, and every value on the way. */
function nodesBetween(
  g: Graph,
  wrt: readonly Value[],
  ends: readonly Value[],
): { nodes: Node[]; active: Set<Value> } {
  const active = new Set<Value>(wrt);
  const forward = g.nodes.filter((node) => {
    if (!node.inputs.some((value) => value !== null && active.has(value))) return false;
    for (const value of node.outputs) active.add(value);
    return true;
  });
  const needed = new Set<Value>(ends);
  const nodes = forward
    .reverse()
    .filter((node) => {
      if (!node.outputs.some((value) => needed.has(value))) return false;
      for (const value of node.inputs) if (value !== null && active.has(value)) needed.add(value);
      return true;
    })
    .reverse();
  return { nodes, active };
}
