import { ShapeError } from "../errors.ts";
import type { GraphCore } from "../graph-core.ts";
import { dtypeCodes, opTable } from "../ops/index.ts";
import type { Initializer, Node, Value } from "../value.ts";
import type { OnnxModel } from "./message.ts";
import { onnx } from "./proto.ts";

export const OPSET = 18;
/** ONNX IR version that goes with the opset. */
const IR_VERSION = 8;

/** An encoded graph, and what of the graph is in it. */
export interface SerializedGraph {
  readonly bytes: Uint8Array;
  /** The inputs that the outputs really depend on. */
  readonly inputs: readonly Value[];
  readonly nodes: readonly Node[];
}

/** The nodes that the outputs depend on, in executable order, and the leaves they need. */
export function reachable(core: GraphCore, outputs: readonly Value[]): { nodes: Node[]; leaves: Set<Value> } {
  const needed = new Set<Value>(outputs);
  const kept: Node[] = [];
  for (let i = core.nodes.length - 1; i >= 0; i--) {
    const node = core.nodes[i]!;
    if (!node.outputs.some((value) => needed.has(value))) continue;
    kept.push(node);
    for (const value of node.inputs) if (value) needed.add(value);
  }
  return { nodes: kept.reverse(), leaves: needed };
}

const typeOf = (value: Value) => ({
  tensorType: {
    elemType: dtypeCodes[value.dtype],
    shape: { dim: value.shape.map((dimValue) => ({ dimValue })) },
  },
});

function attributesOf(node: Node) {
  const { FLOAT, INT, INTS, STRING } = onnx.AttributeProto.AttributeType;
  return Object.entries(node.attrs).map(([name, value]) => {
    switch (opTable[node.op]?.attrs?.[name]) {
      case "int":
        return { name, type: INT, i: value as number };
      case "float":
        return { name, type: FLOAT, f: value as number };
      case "ints":
        return { name, type: INTS, ints: [...(value as readonly number[])] };
      default:
        return { name, type: STRING, s: new TextEncoder().encode(String(value)) };
    }
  });
}

const bytesOf = (data: ArrayBufferView): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function tensorOf(value: Value, source: Initializer) {
  const base = { name: value.name, dims: [...value.shape], dataType: dtypeCodes[value.dtype] };
  if (source.kind === "data") return { ...base, rawData: bytesOf(source.data) };
  // Relative to the file system's root, which the session is told is the model's folder: any number of
  // checkpoints in any folders can then be read in place.
  const entries = {
    location: source.file.replace(/^[/\\]+/, ""),
    offset: source.offset,
    length: source.length,
  };
  return {
    ...base,
    dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, entry]) => ({ key, value: String(entry) })),
  };
}

type Encodable = Parameters<typeof onnx.ModelProto.create>[0];

/** Encodes a model as the bytes of an ONNX file. */
export const encodeModel = (model: OnnxModel): Uint8Array =>
  onnx.ModelProto.encode(onnx.ModelProto.create(model as Encodable)).finish();

/**
 * Encodes the part of a graph that `outputs` depend on as an ONNX model; `outputs` maps names to values.
 * @throws ShapeError when an output has the name of a value in the graph
 */
export function serializeGraph(core: GraphCore, outputs: Readonly<Record<string, Value>>): SerializedGraph {
  const { model, inputs, nodes } = modelOf(core, outputs);
  return { bytes: encodeModel(model), inputs, nodes };
}

/**
 * The part of a graph that `outputs` depend on as an ONNX model: every shape static, weights of files outside of it.
 * @throws ShapeError when an output has the name of a value in the graph
 */
export function modelOf(
  core: GraphCore,
  outputs: Readonly<Record<string, Value>>,
): Omit<SerializedGraph, "bytes"> & { readonly model: OnnxModel } {
  const entries = Object.entries(outputs);
  const { nodes, leaves } = reachable(
    core,
    entries.map(([, value]) => value),
  );
  const inputs = core.inputs.filter((value) => leaves.has(value));
  const taken = new Set([...leaves].map((value) => value.name));
  const renames = entries.map(([name, value]) => {
    if (taken.has(name))
      throw new ShapeError(name, [value], "an output cannot have the name of a value in the graph");
    return { opType: "Identity", input: [value.name], output: [name] };
  });
  const model: OnnxModel = {
    irVersion: IR_VERSION,
    producerName: "dualtail",
    opsetImport: [
      { domain: "", version: OPSET },
      { domain: "com.microsoft", version: 1 },
    ],
    graph: {
      name: "dualtail",
      node: [
        ...nodes.map((node) => ({
          opType: node.op,
          domain: opTable[node.op]?.domain ?? "",
          input: node.inputs.map((value) => value?.name ?? ""),
          output: node.outputs.map((value) => value.name),
          attribute: attributesOf(node),
        })),
        ...renames,
      ],
      input: inputs.map((value) => ({ name: value.name, type: typeOf(value) })),
      output: entries.map(([name, value]) => ({ name, type: typeOf(value) })),
      initializer: [...core.initializers]
        .filter(([value]) => leaves.has(value))
        .map(([value, source]) => tensorOf(value, source)),
    },
  };
  return { model, inputs, nodes };
}
