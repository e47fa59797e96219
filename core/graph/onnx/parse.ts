import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import type { onnx as OnnxNamespace } from "onnx-proto";
import { DualtailError } from "../../errors.ts";
import { UnknownOpError } from "../errors.ts";
import { createGraph, type Graph } from "../graph.ts";
import { dtypeFromCode, opTable } from "../ops/index.ts";
import type { AttrValue, DType, FloatType, Initializer, TensorData, Value } from "../value.ts";

const { onnx } = createRequire(import.meta.url)("onnx-proto") as { onnx: typeof OnnxNamespace };

/** A model that cannot be read as a graph of this project. */
export class OnnxFormatError extends DualtailError {}

export interface ParsedGraph {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly outputs: Readonly<Record<string, Value>>;
}

export interface ParseOptions {
  /** Sizes for named dimensions, e.g. { batch: 8 }. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Folder that external data is relative to. */
  readonly folder?: string;
  readonly floatType?: FloatType;
}

const views: Partial<Record<DType, (bytes: Uint8Array) => TensorData>> = {
  float32: (b) => new Float32Array(b.buffer, b.byteOffset, b.byteLength / 4),
  float64: (b) => new Float64Array(b.buffer, b.byteOffset, b.byteLength / 8),
  int64: (b) => new BigInt64Array(b.buffer, b.byteOffset, b.byteLength / 8),
  int32: (b) => new Int32Array(b.buffer, b.byteOffset, b.byteLength / 4),
  float16: (b) => new Uint16Array(b.buffer, b.byteOffset, b.byteLength / 2),
  bfloat16: (b) => new Uint16Array(b.buffer, b.byteOffset, b.byteLength / 2),
  bool: (b) => b,
  uint8: (b) => b,
};

function dtypeOf(name: string, code: number | null | undefined): DType {
  const dtype = dtypeFromCode(code ?? 0);
  if (dtype === undefined)
    throw new OnnxFormatError(`"${name}" has ONNX element type ${code}, which is not supported`);
  return dtype;
}

function contentOf(tensor: OnnxNamespace.ITensorProto, dtype: DType, folder: string): Initializer {
  const name = tensor.name ?? "";
  if (tensor.dataLocation === onnx.TensorProto.DataLocation.EXTERNAL) {
    const entry = new Map((tensor.externalData ?? []).map(({ key, value }) => [key, value]));
    const file = resolve(join(folder, entry.get("location") ?? ""));
    return {
      kind: "file",
      file,
      offset: Number(entry.get("offset") ?? 0),
      length: Number(entry.get("length") ?? 0),
    };
  }
  if (tensor.rawData?.length) {
    // A copy: typed arrays need aligned offsets, which protobuf does not give.
    return { kind: "data", data: views[dtype]!(Uint8Array.from(tensor.rawData)) };
  }
  if (tensor.floatData?.length) return { kind: "data", data: Float32Array.from(tensor.floatData) };
  if (tensor.doubleData?.length) return { kind: "data", data: Float64Array.from(tensor.doubleData) };
  if (tensor.int64Data?.length)
    return { kind: "data", data: BigInt64Array.from(tensor.int64Data, (v) => BigInt(v.toString())) };
  const narrow = tensor.int32Data ?? [];
  if (dtype === "int32") return { kind: "data", data: Int32Array.from(narrow) };
  if (dtype === "bool" || dtype === "uint8") return { kind: "data", data: Uint8Array.from(narrow) };
  if (narrow.length || (tensor.dims ?? []).some((dim) => Number(dim) === 0)) {
    return { kind: "data", data: views[dtype]!(new Uint8Array(Uint16Array.from(narrow).buffer)) };
  }
  throw new OnnxFormatError(`the initializer "${name}" holds no data`);
}

function attributeValue(attribute: OnnxNamespace.IAttributeProto): AttrValue {
  const { FLOAT, INT, INTS, STRING } = onnx.AttributeProto.AttributeType;
  if (attribute.type === INT) return Number(attribute.i ?? 0);
  if (attribute.type === FLOAT) return attribute.f ?? 0;
  if (attribute.type === INTS) return (attribute.ints ?? []).map(Number);
  if (attribute.type === STRING) return new TextDecoder().decode(attribute.s ?? new Uint8Array());
  throw new OnnxFormatError(`the attribute "${attribute.name}" has a type that is not supported`);
}

/** Reads an ONNX model into a graph that can be extended, differentiated and written again. */
export function parseGraph(
  bytes: Uint8Array,
  { dims = {}, folder = ".", floatType = "float32" }: ParseOptions = {},
): ParsedGraph {
  let proto: OnnxNamespace.IGraphProto | null | undefined;
  try {
    proto = onnx.ModelProto.decode(bytes).graph;
  } catch (cause) {
    throw new OnnxFormatError("the bytes are not an ONNX model", { cause });
  }
  if (!proto) throw new OnnxFormatError("the model has no graph");
  const graph = createGraph({ floatType });
  const values = new Map<string, Value | null>([["", null]]);
  const lookUp = (name: string): Value | null => {
    const value = values.get(name);
    if (value === undefined) throw new OnnxFormatError(`"${name}" is used before it is made`);
    return value;
  };
  for (const tensor of proto.initializer ?? []) {
    const name = tensor.name ?? "";
    const dtype = dtypeOf(name, tensor.dataType);
    const shape = (tensor.dims ?? []).map(Number);
    values.set(name, graph.initializer(name, dtype, shape, contentOf(tensor, dtype, folder)));
  }
  const inputs: Record<string, Value> = {};
  for (const input of proto.input ?? []) {
    const name = input.name ?? "";
    if (values.has(name)) continue;
    const type = input.type?.tensorType;
    const shape = (type?.shape?.dim ?? []).map((dim) => {
      const size = dim.dimParam ? dims[dim.dimParam] : Number(dim.dimValue ?? 0);
      if (size === undefined) {
        throw new OnnxFormatError(`the input "${name}" has an open dimension "${dim.dimParam}"`, {
          hint: "give its size in dims",
        });
      }
      return size;
    });
    inputs[name] = graph.input(name, dtypeOf(name, type?.elemType), shape);
    values.set(name, inputs[name]);
  }
  for (const node of proto.node ?? []) {
    const op = node.opType ?? "";
    const attrs = Object.fromEntries((node.attribute ?? []).map((a) => [a.name ?? "", a]));
    const outputs = node.output ?? [];
    if (op === "Constant") {
      const tensor = attrs.value?.t;
      if (!tensor) throw new OnnxFormatError(`the Constant "${outputs[0]}" holds no tensor`);
      const dtype = dtypeOf(outputs[0] ?? "", tensor.dataType);
      const content = contentOf({ ...tensor, name: outputs[0] ?? "" }, dtype, folder);
      values.set(
        outputs[0]!,
        graph.initializer(outputs[0]!, dtype, (tensor.dims ?? []).map(Number), content),
      );
      continue;
    }
    const definition = opTable[op];
    if (
      definition === undefined ||
      (definition.domain ?? "") !== (node.domain === "ai.onnx" ? "" : (node.domain ?? ""))
    ) {
      throw new UnknownOpError(node.domain ? `${node.domain}.${op}` : op, "shape rule", Object.keys(opTable));
    }
    const plain = Object.fromEntries(Object.entries(attrs).map(([name, a]) => [name, attributeValue(a)]));
    const made = graph.emit(op, (node.input ?? []).map(lookUp), plain, outputs.length);
    outputs.forEach((name, i) => {
      if (made[i]) values.set(name, made[i]);
    });
  }
  const outputs = Object.fromEntries(
    (proto.output ?? []).map(({ name }) => {
      const value = lookUp(name ?? "");
      if (value === null) throw new OnnxFormatError("an output has no name");
      return [name ?? "", value];
    }),
  );
  return { graph, inputs, outputs };
}
