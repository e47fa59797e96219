import type { GraphCore } from "../graph-core.ts";
import type { Value } from "../value.ts";

/** One axis or several; negative ones count from the last. */
export type Axes = number | readonly number[];

/** How a reduction shapes its result. */
export interface ReduceOptions {
  /** Keep reduced axes as size 1 (default true, so that the result broadcasts against the input). */
  readonly keepDims?: boolean;
}

/** Reductions over axes (all axes when none are given) and normalisations along one axis. */
export function reduction(core: GraphCore) {
  const reduce =
    (op: string) =>
    (x: Value, axes?: Axes, { keepDims = axes !== undefined }: ReduceOptions = {}): Value => {
      const list = axes === undefined ? [...x.shape.keys()] : typeof axes === "number" ? [axes] : axes;
      if (list.length === 0) return x;
      return core.emit(op, [x, core.constant(list, [list.length], "int64")], {
        keepdims: Number(keepDims),
      })[0]!;
    };
  return {
    /** The sum over axes. */
    reduceSum: reduce("ReduceSum"),
    /** The mean over axes. */
    reduceMean: reduce("ReduceMean"),
    /** The largest over axes. */
    reduceMax: reduce("ReduceMax"),
    /** The smallest over axes. */
    reduceMin: reduce("ReduceMin"),
    /** log Σ eˣ over axes, without overflow. */
    reduceLogSumExp: reduce("ReduceLogSumExp"),
    /** eˣ / Σ eˣ along an axis, without overflow; the shape of x. */
    softmax: (x: Value, axis = -1) => core.emit("Softmax", [x], { axis })[0]!,
    /** x − log Σ eˣ along an axis, without overflow; the shape of x. */
    logSoftmax: (x: Value, axis = -1) => core.emit("LogSoftmax", [x], { axis })[0]!,
    /** int64 positions of the largest along an axis, which is dropped. No gradient. */
    argMax: (x: Value, axis = -1) => core.emit("ArgMax", [x], { axis, keepdims: 0 })[0]!,
    /** (x − mean) / √(var + epsilon) · scale + bias over the last axis; scale, bias [width]. */
    layerNorm: (x: Value, scale: Value, bias: Value, epsilon = 1e-5) =>
      core.emit("LayerNormalization", [x, scale, bias], { axis: -1, epsilon }, 3)[0]!,
  };
}
