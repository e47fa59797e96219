export type { MatMulOptions } from "./builder/linear.ts";
export type { Operand } from "./builder/operand.ts";
export { ShapeError, UnknownOpError } from "./errors.ts";
export { type Extraction, extract } from "./extract.ts";
export { matrixProductFlops, productFlops } from "./flops.ts";
export { createGraph, type Graph } from "./graph.ts";
export type { GraphCore } from "./graph-core.ts";
export { OnnxFormatError, type ParsedGraph, type ParseOptions, parseGraph } from "./onnx/parse.ts";
export {
  encodeModel,
  modelOf,
  type OnnxModel,
  reachable,
  type SerializedGraph,
  serializeGraph,
} from "./onnx/serialize.ts";
export { dtypeCodes } from "./ops/index.ts";
export * from "./value.ts";
