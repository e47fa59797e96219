import type { GraphCore } from "../graph-core.ts";
import type { Shape, Value } from "../value.ts";

/** Moving and picking elements. */
export function shaping(core: GraphCore) {
  const ints = (values: readonly number[]) => core.constant(values, [values.length], "int64");
  return {
    /** One dimension may be −1. */
    reshape: (x: Value, shape: Shape) =>
      x.shape.join() === shape.join() ? x : core.emit("Reshape", [x, ints(shape)])[0]!,
    /** Axis i of the result is axis perm[i] of x. A transposition of a transposition is written as one. */
    transpose(x: Value, perm: readonly number[]): Value {
      const before = core.producer(x);
      if (before?.op === "Transpose" && Array.isArray(before.attrs.perm)) {
        const first = before.attrs.perm as readonly number[];
        const both = perm.map((axis) => first[axis]!);
        const source = before.inputs[0]!;
        return both.every((axis, i) => axis === i)
          ? source
          : core.emit("Transpose", [source], { perm: both })[0]!;
      }
      return core.emit("Transpose", [x], { perm })[0]!;
    },
    /** Broadcasts x to a shape. */
    expand: (x: Value, shape: Shape) =>
      x.shape.join() === shape.join() ? x : core.emit("Expand", [x, ints(shape)])[0]!,
    /** Values one after the other along an axis; their other dimensions agree. */
    concat: (values: readonly Value[], axis: number) => core.emit("Concat", values, { axis })[0]!,
    /** Elements start ≤ i < end along one axis. */
    slice: (x: Value, axis: number, start: number, end: number) =>
      core.emit("Slice", [x, ints([start]), ints([end]), ints([axis])])[0]!,
    /** Rows of `data` along an axis, by integer indices of any shape. */
    gather: (data: Value, indices: Value, axis = 0) => core.emit("Gather", [data, indices], { axis })[0]!,
    /** Zero padding, `before[i]` and `after[i]` elements along axis i. */
    pad: (x: Value, before: readonly number[], after: readonly number[]) =>
      core.emit("Pad", [x, ints([...before, ...after])], { mode: "constant" })[0]!,
    /** data with updates [N, ...] added at the row numbers indices [N, 1]; repeated rows add up. */
    scatterAdd: (data: Value, indices: Value, updates: Value) =>
      core.emit("ScatterND", [data, indices, updates], { reduction: "add" })[0]!,
  };
}
