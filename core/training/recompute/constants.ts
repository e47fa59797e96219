import { open } from "node:fs/promises";
import { FileError } from "../../errors.ts";
import { type Graph, type Initializer, sizeOf, type TensorData, type Value } from "../../graph/index.ts";
import { type CompileOptions, compile } from "../../runtime/index.ts";

/** Values of a graph that depend on no input, in memory once however many segments read them. */
export interface Constants {
  /** Whether a value depends on no input of the graph. */
  has(value: Value): boolean;
  /** Whether segments get it as an input: weights and what is computed from weights, but not a small constant. */
  isFed(value: Value): boolean;
  /** Its data: read from the checkpoint, widened where that is half precision; later calls give the same. */
  data(value: Value): Promise<TensorData>;
}

/** Up to this many elements, a constant is written into the segments themselves. */
const SMALL = 256;

/** The constants of a graph as it is now. */
export function graphConstants(graph: Graph, options: CompileOptions): Constants {
  const dynamic = new Set<Value>(graph.inputs);
  const computed = new Set<Value>();
  for (const node of graph.nodes) {
    const depends = node.inputs.some((value) => value !== null && dynamic.has(value));
    for (const value of node.outputs) (depends ? dynamic : computed).add(value);
  }
  const has = (value: Value) => !dynamic.has(value);
  const known = new Map<Value, Promise<TensorData>>();
  const load = async (value: Value): Promise<TensorData> => {
    const initializer = graph.initializers.get(value);
    if (initializer?.kind === "data") return initializer.data;
    if (initializer && value.dtype === "float32") return readFloats(initializer, value);
    return evaluate(graph, value, options);
  };
  return {
    has,
    isFed: (value) =>
      has(value) &&
      (computed.has(value) ||
        graph.initializers.get(value)?.kind === "file" ||
        (value.dtype === graph.floatType && sizeOf(value.shape) > SMALL)),
    data(value) {
      const found = known.get(value) ?? load(value);
      known.set(value, found);
      return found;
    },
  };
}

async function readFloats(
  { file, offset, length }: Extract<Initializer, { kind: "file" }>,
  value: Value,
): Promise<Float32Array> {
  const data = new Float32Array(sizeOf(value.shape));
  const handle = await open(file, "r");
  try {
    const { bytesRead } = await handle.read(new Uint8Array(data.buffer), 0, length, offset);
    if (bytesRead !== data.byteLength) {
      throw new FileError(file, `ends within the tensor "${value.name}"`, {
        hint: "fetch the checkpoint again",
      });
    }
  } finally {
    await handle.close();
  }
  return data;
}

/** Computes a constant, e.g. a half-precision weight in float32. */
async function evaluate(graph: Graph, value: Value, options: CompileOptions): Promise<TensorData> {
  const program = await compile(graph, { constant: value }, { ...options, prepack: false });
  try {
    return (await program.run({})).constant!;
  } finally {
    await program.release();
  }
}
