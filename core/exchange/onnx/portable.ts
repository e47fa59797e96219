import {
  createGraph,
  type DType,
  type Graph,
  type GraphCore,
  type Node,
  reachable,
  type Value,
} from "../../graph/index.ts";

/** How operators of onnxruntime's own set are written with standard ones; it fuses them again when it loads the file. */
const STANDARD: Readonly<
  Record<string, (g: Graph, inputs: readonly Value[], attrs: Node["attrs"]) => Value>
> = {
  FusedMatMul(g, [a, b], { transA, transB, alpha }) {
    const turned = (x: Value, turn: unknown): Value => {
      const last = x.shape.length - 1;
      return turn
        ? g.transpose(
            x,
            [...x.shape.keys()].map((axis) => swapLast(axis, last)),
          )
        : x;
    };
    const product = g.matmul(turned(a!, transA), turned(b!, transB));
    return alpha === 1 ? product : g.mul(product, alpha as number);
  },
  QuickGelu: (g, [x], { alpha }) => g.mul(x!, g.sigmoid(g.mul(x!, alpha as number))),
  Gelu: (g, [x]) => g.mul(g.mul(x!, g.add(g.erf(g.div(x!, Math.SQRT2)), 1)), 0.5),
};

const swapLast = (axis: number, last: number): number =>
  axis === last ? last - 1 : axis === last - 1 ? last : axis;

export interface PortableGraph {
  readonly graph: Graph;
  readonly outputs: Readonly<Record<string, Value>>;
  /** Initializers that are float32 in the graph, but half precision in the file they come from, with its dtype. */
  readonly widened: ReadonlyMap<string, DType>;
}

export interface PortableOptions {
  /** Values of inputs that are none any more, by name. */
  readonly bound: ReadonlyMap<string, Float32Array>;
  /** Keep half-precision weights as they are stored, with a cast behind; otherwise they become float32. */
  readonly keepHalf: boolean;
}

/**
 * A copy of the part of a graph that `outputs` depend on, of standard ONNX operators only, with values in the place of
 * the inputs that have one.
 */
export function portableGraph(
  core: GraphCore,
  outputs: Readonly<Record<string, Value>>,
  { bound, keepHalf }: PortableOptions,
): PortableGraph {
  const { nodes, leaves } = reachable(core, Object.values(outputs));
  const graph = createGraph({ floatType: core.floatType });
  const widened = new Map<string, DType>();
  const copies = new Map<Value, Value>();

  for (const value of core.inputs.filter((input) => leaves.has(input))) {
    const { name, dtype, shape } = value;
    const data = bound.get(name);
    copies.set(
      value,
      data === undefined
        ? graph.input(name, dtype, shape)
        : graph.initializer(name, dtype, shape, { kind: "data", data }),
    );
  }
  for (const [value, source] of core.initializers) {
    if (!leaves.has(value)) continue;
    const { name, dtype, shape } = value;
    if (source.kind === "data" && CONSTANT.test(name)) {
      copies.set(value, graph.constant(source.data, shape, dtype));
      continue;
    }
    const widen = !keepHalf && source.kind === "file" && (dtype === "float16" || dtype === "bfloat16");
    if (widen) widened.set(name, dtype);
    copies.set(value, graph.initializer(name, widen ? "float32" : dtype, shape, source));
  }
  for (const node of nodes) {
    const inputs = node.inputs.map((value) => (value === null ? null : copies.get(value)!));
    const used = 1 + node.outputs.findLastIndex((value) => leaves.has(value));
    const made = copyNode(graph, node, inputs, used);
    for (const [i, value] of made.entries()) copies.set(node.outputs[i]!, value);
  }
  return {
    graph,
    widened,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, copies.get(value)!])),
  };
}

/** Names that the graph gives to constants of its own. */
const CONSTANT = /^const_\d+$/;

function copyNode(
  g: Graph,
  { op, attrs, outputs }: Node,
  inputs: readonly (Value | null)[],
  used: number,
): Value[] {
  // What was widened needs no cast.
  if (op === "Cast" && inputs[0]!.dtype === outputs[0]!.dtype) return [inputs[0]!];
  const standard = STANDARD[op];
  if (standard) return [standard(g, inputs as Value[], attrs)];
  return g.emit(op, inputs, attrs, used);
}
