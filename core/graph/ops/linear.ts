import type { Shape } from "../value.ts";
import { broadcastShapes, type InferContext, intAttr, type OpTable, sameDType } from "./define.ts";

const swapLast = (shape: Shape): Shape => [...shape.slice(0, -2), shape.at(-1) ?? 1, shape.at(-2) ?? 1];

function inferMatMul(context: InferContext) {
  const [a, b] = [context.input(0), context.input(1)];
  const dtype = sameDType(context, [0, 1]);
  if (a.shape.length < 2 || b.shape.length < 2) context.fail("both operands need at least two dimensions");
  const left = intAttr(context.attrs, "transA", 0) ? swapLast(a.shape) : a.shape;
  const right = intAttr(context.attrs, "transB", 0) ? swapLast(b.shape) : b.shape;
  if (left.at(-1) !== right.at(-2)) {
    context.fail(`inner dimensions differ (${left.at(-1)} and ${right.at(-2)})`);
  }
  const batch = broadcastShapes(context.op, [
    { dtype, shape: left.slice(0, -2) },
    { dtype, shape: right.slice(0, -2) },
  ]);
  return [{ dtype, shape: [...batch, left.at(-2)!, right.at(-1)!] }];
}

/** Matrix products. */
export const linearOps: OpTable = {
  MatMul: { infer: inferMatMul },
  FusedMatMul: {
    domain: "com.microsoft",
    attrs: { alpha: "float", transA: "int", transB: "int", transBatchA: "int", transBatchB: "int" },
    infer(context) {
      if (intAttr(context.attrs, "transBatchA", 0) || intAttr(context.attrs, "transBatchB", 0)) {
        context.fail("transBatchA and transBatchB are not supported");
      }
      return inferMatMul(context);
    },
  },
  Gemm: {
    attrs: { alpha: "float", beta: "float", transA: "int", transB: "int" },
    infer(context) {
      if (context.input(0).shape.length !== 2 || context.input(1).shape.length !== 2) {
        context.fail("needs two matrices");
      }
      return inferMatMul(context);
    },
  },
};
