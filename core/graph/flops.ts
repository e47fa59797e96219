import type { GraphCore } from "./graph-core.ts";
import { reachable } from "./onnx/serialize.ts";
import { type Node, sizeOf, type Value } from "./value.ts";

const products = new Set(["MatMul", "FusedMatMul", "Gemm"]);

/** Floating-point operations of a matrix product, 2·M·N·K; 0 for any other operator. */
export function productFlops({ op, inputs, outputs: [out], attrs }: Node): number {
  if (!products.has(op)) return 0;
  return 2 * sizeOf(out!.shape) * inputs[0]!.shape.at(attrs.transA === 1 ? -2 : -1)!;
}

/** The same of all matrix products that the outputs depend on. */
export const matrixProductFlops = (core: GraphCore, outputs: readonly Value[]): number =>
  reachable(core, outputs).nodes.reduce((sum, node) => sum + productFlops(node), 0);
