import { type GraphCore, type Node, productFlops, reachable, sizeOf, type Value } from "../../graph/index.ts";

/** What running a graph holds in memory, in bytes. */
export interface GraphMemory {
  /** Frozen weights and other constants, as often as products lay them out. */
  readonly weights: number;
  /** Most that inputs, results and everything between them come to at any moment. */
  readonly live: number;
}

/** Operators that give their input's memory another shape. */
const VIEWS: ReadonlySet<string> = new Set(["Reshape", "Identity", "Squeeze", "Unsqueeze"]);

/** Operators that the runtime computes in place where nothing else reads their input any more. */
const IN_PLACE: ReadonlySet<string> = new Set(
  "Add Sub Mul Div Neg Exp Log Sqrt Sigmoid Tanh Relu Softmax LogSoftmax Abs Clip Pow Where QuickGelu".split(
    " ",
  ),
);

const isProduct = (node: Node): boolean => productFlops(node) > 0;

const WIDTH: Readonly<Partial<Record<Value["dtype"], number>>> = { float64: 8, int64: 8, bool: 1, uint8: 1 };

/** Bytes of a value once it is computed with; half precision is widened to float32. */
export const bytesOf = ({ dtype, shape }: Value): number => sizeOf(shape) * (WIDTH[dtype] ?? 4);

/**
 * Follows the graph node by node in the order it was written: a value's memory is taken where it is made and given back
 * after its last use. What depends on no input is folded when a session is made and counts as a weight where it is read.
 */
export function graphMemory(graph: GraphCore, outputs: readonly Value[]): GraphMemory {
  const { nodes, leaves } = reachable(graph, outputs);
  const inputs = graph.inputs.filter((value) => leaves.has(value));
  const dynamic = new Set<Value>(inputs);
  const run: Node[] = [];
  for (const node of nodes) {
    if (!node.inputs.some((value) => value !== null && dynamic.has(value))) continue;
    run.push(node);
    for (const value of node.outputs) dynamic.add(value);
  }
  // A product lays its weight out for itself; others share the one there is.
  const constants = (list: readonly Node[]) =>
    list.flatMap(({ inputs }) => inputs).filter((value) => value !== null && !dynamic.has(value)) as Value[];
  const [laidOut, shared] = [run.filter(isProduct), run.filter((node) => !isProduct(node))].map(constants);
  const alone = [...new Set(shared)].filter((value) => !laidOut!.includes(value));
  const weights = [...laidOut!, ...alone].reduce((sum, value) => sum + bytesOf(value), 0);

  /** The value whose memory a value is in. */
  const owner = new Map<Value, Value>();
  const own = (value: Value): Value => owner.get(value) ?? value;
  const lastUse = new Map<Value, number>();
  run.forEach((node, at) => {
    for (const value of node.inputs) {
      if (value !== null && dynamic.has(value)) lastUse.set(own(value), at);
    }
    const [input] = node.inputs;
    if (VIEWS.has(node.op) && input && dynamic.has(input)) owner.set(node.outputs[0]!, own(input));
  });
  // Inputs are the caller's and results are handed to it.
  for (const value of [...inputs, ...outputs]) lastUse.set(own(value), run.length);

  let now = inputs.reduce((sum, value) => sum + bytesOf(value), 0);
  let live = now;
  const held = new Map<Value, number>(inputs.map((value) => [value, bytesOf(value)]));
  run.forEach((node, at) => {
    const free = () => {
      for (const value of node.inputs) {
        if (value === null || lastUse.get(own(value)) !== at) continue;
        now -= held.get(own(value)) ?? 0;
        held.delete(own(value));
      }
    };
    if (IN_PLACE.has(node.op)) free();
    for (const value of node.outputs) {
      if (owner.has(value)) continue;
      held.set(value, bytesOf(value));
      now += bytesOf(value);
    }
    live = Math.max(live, now);
    free();
    for (const value of node.outputs) {
      if (owner.has(value) || lastUse.has(value)) continue;
      now -= held.get(value)!;
      held.delete(value);
    }
  });
  return { weights, live };
}
