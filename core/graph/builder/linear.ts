import type { GraphCore } from "../graph-core.ts";
import { dtypeCodes } from "../ops/index.ts";
import type { DType, Value } from "../value.ts";

/** How `matmul` takes its operands. */
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
  const cast = (x: Value, to: DType): Value =>
    x.dtype === to ? x : core.emit("Cast", [x], { to: dtypeCodes[to] })[0]!;
  return {
    /** alpha · op(a) @ op(b), batched with broadcasting of the leading axes. */
    matmul,
    /**
     * x @ weightᵀ (+ bias): x [..., in], weight [out, in] as PyTorch stores it, bias [out]. With a float16 weight the
     * product is computed in float16; the result has x's precision all the same.
     */
    linear(x: Value, weight: Value, bias?: Value): Value {
      const factor = weight.dtype === "float16" ? cast(x, weight.dtype) : x;
      const product = cast(matmul(factor, weight, { transB: true }), x.dtype);
      return bias === undefined ? product : core.emit("Add", [product, bias])[0]!;
    },
  };
}
