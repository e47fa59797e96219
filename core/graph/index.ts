export type { PartialWindow } from "./builder/convolution.ts";
export type { MatMulOptions } from "./builder/linear.ts";
export type { Operand } from "./builder/operand.ts";
export type { Axes, ReduceOptions } from "./builder/reduction.ts";
export { ShapeError, UnknownOpError } from "./errors.ts";
export { type Extraction, extract } from "./extract.ts";
export { matrixProductFlops, productFlops } from "./flops.ts";
export { createGraph, type Graph } from "./graph.ts";
export type { GraphCore } from "./graph-core.ts";
export { decodeModel } from "./onnx/decode.ts";
export type * from "./onnx/message.ts";
export {
  type ParsedGraph,
  type ParsedNode,
  type ParseOptions,
  parseGraph,
} from "./onnx/parse.ts";
export {
  encodeModel,
  modelOf,
  reachable,
  type SerializedGraph,
  serializeGraph,
} from "./onnx/serialize.ts";
export { OnnxFormatError, readRange, readTensor } from "./onnx/tensor.ts";
export { dtypeCodes, type Window, windowOf } from "./ops/index.ts";
export * from "./value.ts";
