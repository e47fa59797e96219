import { isFloat } from "../value.ts";
import { type InferContext, intAttr, intsAttr, type OpDef, type OpTable, resolveAxis } from "./define.ts";

/** Axes of a reduction: an input since opset 13 (ReduceSum) and 18 (the rest), an attribute before. All axes when absent. */
export function reductionAxes(context: InferContext): readonly number[] {
  const rank = context.input(0).shape.length;
  const given = context.inputs[1] ? context.constant(1) : intsAttr(context.attrs, "axes");
  const axes = given === undefined || given.length === 0 ? [...Array(rank).keys()] : given;
  return axes.map((axis) => resolveAxis(context, axis, rank));
}

const reduction: OpDef = {
  attrs: { keepdims: "int", axes: "ints", noop_with_empty_axes: "int" },
  infer(context) {
    const { dtype, shape } = context.input(0);
    const axes = new Set(reductionAxes(context));
    const keep = intAttr(context.attrs, "keepdims", 1) === 1;
    const out = keep
      ? shape.map((dim, axis) => (axes.has(axis) ? 1 : dim))
      : shape.filter((_, axis) => !axes.has(axis));
    return [{ dtype, shape: out }];
  },
};

const alongAxis: OpDef = {
  attrs: { axis: "int" },
  infer(context) {
    const { dtype, shape } = context.input(0);
    if (!isFloat(dtype)) context.fail("needs a floating-point input");
    resolveAxis(context, intAttr(context.attrs, "axis", -1), shape.length);
    return [{ dtype, shape }];
  },
};

/** Reductions and normalisations along axes. */
export const reductionOps: OpTable = {
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,
  ReduceLogSumExp: reduction,
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  ArgMax: {
    attrs: { axis: "int", keepdims: "int", select_last_index: "int" },
    infer(context) {
      const { shape } = context.input(0);
      const axis = resolveAxis(context, intAttr(context.attrs, "axis", 0), shape.length);
      const keep = intAttr(context.attrs, "keepdims", 1) === 1;
      const out = keep ? shape.map((dim, i) => (i === axis ? 1 : dim)) : shape.filter((_, i) => i !== axis);
      return [{ dtype: "int64", shape: out }];
    },
  },
  LayerNormalization: {
    attrs: { axis: "int", epsilon: "float", stash_type: "int" },
    infer(context) {
      const { dtype, shape } = context.input(0);
      const axis = resolveAxis(context, intAttr(context.attrs, "axis", -1), shape.length);
      const normalized = shape.slice(axis).join();
      for (const index of [1, 2]) {
        const value = context.inputs[index];
        if (value && value.shape.join() !== normalized)
          context.fail(`scale and bias must have shape [${normalized}]`);
      }
      // Mean and inverse standard deviation; ONNX keeps them in float32 whatever the input is.
      const stats = { dtype: "float32" as const, shape: shape.map((dim, i) => (i < axis ? dim : 1)) };
      return [{ dtype, shape }, stats, stats].slice(0, context.outputs);
    },
  },
};
