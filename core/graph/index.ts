export type { MatMulOptions } from "./builder/linear.ts";
export type { Operand } from "./builder/operand.ts";
export { ShapeError, UnknownOpError } from "./errors.ts";
export { matrixProductFlops } from "./flops.ts";
export { createGraph, type Graph } from "./graph.ts";
export type { GraphCore } from "./graph-core.ts";
export { OnnxFormatError, type ParsedGraph, type ParseOptions, parseGraph } from "./onnx/parse.ts";
export { reachable, type SerializedGraph, serializeGraph } from "./onnx/serialize.ts";
export * from "./value.ts";
