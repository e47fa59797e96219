import {
  type Graph,
  matrixProductFlops,
  type Node,
  productFlops,
  reachable,
  sizeOf,
  type Value,
} from "../../graph/index.ts";

/** A place to cut a graph: everything that is computed before and needed after. */
export type Cut = readonly Value[];

/** Smallest share of the work between two cuts: finer segments would only add hand-overs. */
const SMALLEST_SEGMENT = 1 / 100;

/**
 * What may cross a cut beside its largest value, as a share of that: the residual stream beside the MLP's hidden layer,
 * or the logits of another model. Keeping the hidden layer too, four times as wide, saves most of what would have to be
 * computed again.
 */
const SIDE_VALUES = 1 / 4;

/**
 * Where the forward graph of a loss is narrow: at the residual stream of a transformer, once after its attention and
 * once after its MLP. Found from the graph alone, so that any model and any plugin has them.
 */
export function findCuts(graph: Graph, loss: Value): Cut[] {
  const nodes = dynamicNodes(graph, loss);
  const lastUse = new Map<Value, number>();
  nodes.forEach((node, at) => {
    for (const value of node.inputs) if (value !== null) lastUse.set(value, at);
  });
  const smallest = matrixProductFlops(graph, [loss]) * SMALLEST_SEGMENT;
  const live = new Set<Value>();
  const cuts: Cut[] = [];
  let flops = 0;
  nodes.forEach((node, at) => {
    flops += productFlops(node);
    for (const value of node.outputs) if ((lastUse.get(value) ?? -1) > at) live.add(value);
    for (const value of node.inputs) if (value !== null && lastUse.get(value) === at) live.delete(value);
    if (flops < smallest || !isNarrow(live)) return;
    cuts.push([...live]);
    flops = 0;
  });
  // What is left after the last cut goes with the segment before it when it is too small to stand alone.
  if (flops < smallest) cuts.pop();
  return cuts;
}

/** The nodes that the loss needs and that depend on an input of the graph, in order. */
function dynamicNodes(graph: Graph, loss: Value): Node[] {
  const dynamic = new Set<Value>(graph.inputs);
  return reachable(graph, [loss]).nodes.filter((node) => {
    if (!node.inputs.some((value) => value !== null && dynamic.has(value))) return false;
    for (const value of node.outputs) dynamic.add(value);
    return true;
  });
}

function isNarrow(live: ReadonlySet<Value>): boolean {
  if ([...live].some(({ dtype }) => dtype !== "float32")) return false;
  const sizes = [...live].map(({ shape }) => sizeOf(shape));
  const largest = Math.max(...sizes);
  return live.size > 0 && sizes.reduce((sum, size) => sum + size, 0) <= largest * (1 + SIDE_VALUES);
}
