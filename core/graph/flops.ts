import type { GraphCore } from "./graph-core.ts";
import { reachable } from "./onnx/serialize.ts";
import { sizeOf, type Value } from "./value.ts";

const products = new Set(["MatMul", "FusedMatMul", "Gemm"]);

/** Floating-point operations of all matrix products that the outputs depend on: 2·M·N·K each. */
export function matrixProductFlops(core: GraphCore, outputs: readonly Value[]): number {
  return reachable(core, outputs).nodes.reduce((sum, { op, inputs, outputs: [out], attrs }) => {
    if (!products.has(op)) return sum;
    const inner = inputs[0]!.shape.at(attrs.transA === 1 ? -2 : -1)!;
    return sum + 2 * sizeOf(out!.shape) * inner;
  }, 0);
}
