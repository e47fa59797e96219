import { closeSync, openSync, readSync } from "node:fs";
import { join, resolve } from "node:path";
import { DualtailError, FileError } from "../../errors.ts";
import { dtypeFromCode } from "../ops/index.ts";
import { type DType, type Initializer, isFloat, type Shape, type TensorData } from "../value.ts";
import type { OnnxTensor } from "./message.ts";
import { onnx } from "./proto.ts";

/** A model that cannot be read as a graph of this project. */
export class OnnxFormatError extends DualtailError {}

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

/** @throws OnnxFormatError for an element type that graphs have none for */
export function dtypeOf(name: string, code: number | null | undefined): DType {
  const dtype = dtypeFromCode(code ?? 0);
  if (dtype === undefined)
    throw new OnnxFormatError(`"${name}" has ONNX element type ${code}, which is not supported`);
  return dtype;
}

/** Bytes up to which a tensor beside the model is read at once: shapes are worked out from such tensors. */
const SMALL = 1024;

/** An ONNX tensor's type, shape and content; one in another file stays there unless it is small or of integers. */
export function readTensor(
  tensor: OnnxTensor,
  name: string,
  folder: string,
): { readonly dtype: DType; readonly shape: Shape; readonly content: Initializer } {
  const dtype = dtypeOf(name, tensor.dataType);
  const shape = (tensor.dims ?? []).map(Number);
  return { dtype, shape, content: contentOf(tensor, { name, dtype, folder }) };
}

function contentOf(
  tensor: OnnxTensor,
  { name, dtype, folder }: { name: string; dtype: DType; folder: string },
): Initializer {
  if (tensor.dataLocation === onnx.TensorProto.DataLocation.EXTERNAL) {
    const entry = new Map((tensor.externalData ?? []).map(({ key, value }) => [key, value]));
    const file = resolve(join(folder, entry.get("location") ?? ""));
    const [offset, length] = [Number(entry.get("offset") ?? 0), Number(entry.get("length") ?? 0)];
    const inPlace = isFloat(dtype) && length > SMALL;
    return inPlace
      ? { kind: "file", file, offset, length }
      : { kind: "data", data: views[dtype]!(readRange(file, offset, length)) };
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

/** Part of a file. @throws FileError when it cannot be read or ends before */
export function readRange(file: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (cause) {
    throw new FileError(file, "cannot be opened, and the model keeps weights in it", {
      hint: "put the file beside the model, under the name it was saved with",
      cause,
    });
  }
  try {
    for (let read = 0; read < length; ) {
      const now = readSync(descriptor, bytes, read, length - read, offset + read);
      if (now === 0)
        throw new FileError(file, `ends before byte ${offset + length}, where a weight of the model is`);
      read += now;
    }
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}
