import { type Graph, type MatMulOptions, sizeOf, type Value } from "../../graph/index.ts";
import type { RuleContext, RuleTable } from "../rule.ts";

/**
 * x [..., M, K] with a single matrix on the other side: the leading axes fold into one, so that the weight's gradient
 * is one large product instead of a batch of small ones that are summed afterwards.
 */
const fold = (g: Graph, x: Value): Value => g.reshape(x, [-1, x.shape.at(-1)!]);

function matmulRule({ g, dy, inputs: [a, b], sumTo, int, attrs }: RuleContext) {
  const [ta, tb] = [int("transA", 0) === 1, int("transB", 0) === 1];
  const alpha = Number(attrs.alpha ?? 1);
  const da = ta
    ? g.matmul(b!, dy, { transA: tb, transB: true, alpha })
    : g.matmul(dy, b!, { transB: !tb, alpha });
  if (!ta && b!.shape.length === 2) {
    const [x, d] = [fold(g, a!), fold(g, dy)];
    const db = tb ? g.matmul(d, x, { transA: true, alpha }) : g.matmul(x, d, { transA: true, alpha });
    return [sumTo(da, a!), db];
  }
  const [left, right, trans] = tb
    ? [dy, a!, { transA: true, transB: ta }]
    : [a!, dy, { transA: !ta, transB: false }];
  return [sumTo(da, a!), sumTo(smallerTransposed(g, left, right, { ...trans, alpha }), b!)];
}

/**
 * leftᵀ · op(right). A product that reads its left operand across the rows is slow, so where the other one is much
 * smaller (attention's values beside its weights) that one is transposed: (rightᵀ · left)ᵀ. The transpositions mostly
 * merge with those that split and join the heads.
 */
function smallerTransposed(g: Graph, left: Value, right: Value, options: Required<MatMulOptions>): Value {
  const { transA, transB, alpha } = options;
  if (!transA || transB || sizeOf(left.shape) < 2 * sizeOf(right.shape))
    return g.matmul(left, right, options);
  return swapLast(g, g.matmul(swapLast(g, right), left, { alpha }));
}

function swapLast(g: Graph, x: Value): Value {
  const axes = x.shape.map((_, i) => i);
  return g.transpose(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

/** Gradients of matrix products. */
export const linearRules: RuleTable = {
  MatMul: matmulRule,
  FusedMatMul: matmulRule,
  Gemm: (context) => {
    const { g, dy, inputs, sumTo, attrs } = context;
    const bias = inputs[2];
    return [...matmulRule(context), ...(bias ? [sumTo(g.mul(dy, Number(attrs.beta ?? 1)), bias)] : [])];
  },
};
