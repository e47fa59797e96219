import type { GraphCore } from "../graph-core.ts";
import type { Value } from "../value.ts";

export interface MatMulOptions {
  /** Transpose the last two axes of the first / second operand. */
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Factor on the product. */
  readonly alpha?: number;
}

/** Matrix products. */
export function linear(core: GraphCore) {
  const matmul = (
    a: Value,
    b: Value,
    { transA = false, transB = false, alpha = 1 }: MatMulOptions = {},
  ): Value => {
    if (!transA && !transB && alpha === 1) return core.emit("MatMul", [a, b])[0]!;
    return core.emit("FusedMatMul", [a, b], { transA: Number(transA), transB: Number(transB), alpha })[0]!;
  };
  return {
    /** alpha · op(a) @ op(b), batched with broadcasting of the leading axes. */
    matmul,
    /** x @ weightᵀ (+ bias): x [..., in], weight [out, in] as PyTorch stores it, bias [out]. */
    linear(x: Value, weight: Value, bias?: Value): Value {
      const product = matmul(x, weight, { transB: true });
      return bias === undefined ? product : core.emit("Add", [product, bias])[0]!;
    },
  };
}
