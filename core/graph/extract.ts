import { createGraph, type Graph } from "./graph.ts";
import type { GraphCore } from "./graph-core.ts";
import type { Node, Value } from "./value.ts";

/** A part of a graph as a graph of its own. */
export interface Extraction {
  readonly graph: Graph;
  /** The copies of the asked values, in their order. */
  readonly outputs: readonly Value[];
  /** What the part reads: inputs of the old graph, and values where the copying stopped, which are inputs of the new. */
  readonly leaves: readonly { readonly source: Value; readonly input: Value }[];
}

/**
 * Copies what `outputs` are computed from into a new graph, back to the values for which `stop` holds and to the inputs.
 * Initializers are copied along; one in a file stays there.
 */
export function extract(
  source: GraphCore,
  outputs: readonly Value[],
  stop: (value: Value) => boolean,
): Extraction {
  const graph = createGraph({ floatType: source.floatType });
  const made = new Map<Value, Value>();
  const leaves: { source: Value; input: Value }[] = [];
  const inputs = new Set(source.inputs);

  const copy = (value: Value): Value => {
    const { name, dtype, shape } = value;
    const initializer = source.initializers.get(value);
    if (initializer?.kind === "data") return graph.constant(initializer.data, shape, dtype);
    if (initializer) return graph.initializer(name, dtype, shape, initializer);
    // The names of values inside a graph are given by it, and could be given again.
    const input = graph.input(inputs.has(value) ? name : `from ${name}`, dtype, shape);
    leaves.push({ source: value, input });
    return input;
  };
  const leaf = (value: Value): Value => {
    const known = made.get(value) ?? copy(value);
    made.set(value, known);
    return known;
  };

  for (const node of nodesUpTo(source, outputs, stop)) {
    const given = node.inputs.map((value) => (value === null ? null : leaf(value)));
    const copies = graph.emit(node.op, given, node.attrs, node.outputs.length);
    // One output of a node may be where another part ends: that one stays the input it became.
    node.outputs.forEach((value, i) => {
      if (!made.has(value)) made.set(value, copies[i]!);
    });
  }
  return { graph, outputs: outputs.map(leaf), leaves };
}

/** The nodes that `outputs` need when the values that stop are given, in executable order. */
function nodesUpTo(source: GraphCore, outputs: readonly Value[], stop: (value: Value) => boolean): Node[] {
  const needed = new Set(outputs.filter((value) => !stop(value)));
  const kept: Node[] = [];
  for (let i = source.nodes.length - 1; i >= 0; i--) {
    const node = source.nodes[i]!;
    if (!node.outputs.some((value) => needed.has(value))) continue;
    kept.push(node);
    for (const value of node.inputs) if (value !== null && !stop(value)) needed.add(value);
  }
  return kept.reverse();
}
