import { createGraph, type Graph } from "./graph.ts";
import type { GraphCore } from "./graph-core.ts";
import type { Node, Value } from "./value.ts";

/** A part of a graph as a graph of its own. */
export interface Extraction {
  readonly graph: Graph;
  /** The copies of the asked values, in their order. */
  readonly outputs: readonly Value[];
  /** What the part reads: an input of the new graph for each value of the old one where the copying stopped. */
  readonly leaves: readonly { readonly source: Value; readonly input: Value }[];
}

/**
 * Copies what `outputs` are computed from into a new graph, back to the values for which `stop` holds and to the
 * inputs. Other initializers are copied along. Names are given anew in order of use, so that equal parts of a graph
 * (the blocks of a transformer) become equal graphs.
 */
export function extract(
  source: GraphCore,
  outputs: readonly Value[],
  stop: (value: Value) => boolean,
): Extraction {
  const graph = createGraph({ floatType: source.floatType });
  const made = new Map<Value, Value>();
  const leaves: { source: Value; input: Value }[] = [];

  const leaf = (value: Value): Value => {
    const known = made.get(value);
    if (known) return known;
    const initializer = source.initializers.get(value);
    if (initializer?.kind === "data" && !stop(value)) {
      const copy = graph.constant(initializer.data, value.shape, value.dtype);
      made.set(value, copy);
      return copy;
    }
    const input = graph.input(`in${leaves.length}`, value.dtype, value.shape);
    leaves.push({ source: value, input });
    made.set(value, input);
    return input;
  };

  for (const node of nodesUpTo(source, outputs, stop)) {
    const inputs = node.inputs.map((value) => (value === null ? null : (made.get(value) ?? leaf(value))));
    const copies = graph.emit(node.op, inputs, node.attrs, node.outputs.length);
    node.outputs.forEach((value, i) => {
      if (!made.has(value)) made.set(value, copies[i]!);
    });
  }
  return { graph, outputs: outputs.map((value) => made.get(value) ?? leaf(value)), leaves };
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
