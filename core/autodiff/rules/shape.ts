import { isFloat, type Value } from "../../graph/index.ts";
import type { RuleTable } from "../rule.ts";

/** Gradients of operators that move, pick or convert elements. */
export const shapeRules: RuleTable = {
  Cast: ({ g, dy, inputs: [x] }) => [isFloat(x!.dtype) ? g.cast(dy, x!.dtype) : null],
  Reshape: ({ g, dy, inputs: [x] }) => [g.reshape(dy, x!.shape), null],
  Squeeze: ({ g, dy, inputs: [x] }) => [g.reshape(dy, x!.shape), null],
  Unsqueeze: ({ g, dy, inputs: [x] }) => [g.reshape(dy, x!.shape), null],
  Expand: ({ dy, inputs: [x], sumTo }) => [sumTo(dy, x!), null],
  Transpose: ({ g, dy, inputs: [x], attrs }) => {
    const perm =
      (attrs.perm as readonly number[] | undefined) ?? x!.shape.map((_, i) => x!.shape.length - 1 - i);
    return [
      g.transpose(
        dy,
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
    ];
  },
  Concat: ({ g, dy, inputs, int }) => {
    const axis = int("axis", 0);
    const at = axis < 0 ? axis + dy.shape.length : axis;
    let start = 0;
    return inputs.map((x) => {
      const end = start + x.shape[at]!;
      const part = g.slice(dy, at, start, end);
      start = end;
      return part;
    });
  },
  Slice: ({ g, dy, inputs: [x, starts, , axes] }) => {
    const before = x!.shape.map(() => 0);
    const first = g.constantInts(starts!)!;
    const along = axes ? g.constantInts(axes)! : first.map((_, i) => i);
    along.forEach((raw, i) => {
      const axis = raw < 0 ? raw + x!.shape.length : raw;
      const start = first[i]! < 0 ? first[i]! + x!.shape[axis]! : first[i]!;
      before[axis] = Math.min(Math.max(start, 0), x!.shape[axis]!);
    });
    const after = x!.shape.map((dim, axis) => dim - before[axis]! - dy.shape[axis]!);
    return [g.pad(dy, before, after), null, null, null];
  },
  Pad: ({ g, dy, inputs: [x, pads], attrs, refuse }) => {
    if ((attrs.mode ?? "constant") !== "constant") refuse(`of mode ${attrs.mode}`);
    const before = g.constantInts(pads!)!;
    const inner = x!.shape.reduce<Value>(
      (part, dim, axis) =>
        part.shape[axis] === dim ? part : g.slice(part, axis, before[axis]!, before[axis]! + dim),
      dy,
    );
    return [inner, null];
  },
  Gather: ({ g, dy, inputs: [data, indices], int }) => {
    const axis = int("axis", 0) < 0 ? int("axis", 0) + data!.shape.length : int("axis", 0);
    const picked = indices!.shape.length;
    const rank = data!.shape.length;
    // The axis first, in the gradient and in what it is added to; then back.
    const others = [...data!.shape.keys()].filter((i) => i !== axis);
    const front = [
      ...Array.from({ length: picked }, (_, i) => axis + i),
      ...others.map((i) => (i < axis ? i : i + picked - 1)),
    ];
    const updates = axis === 0 ? dy : g.transpose(dy, front);
    const shape = [data!.shape[axis]!, ...others.map((i) => data!.shape[i]!)];
    const rows = g.cast(g.reshape(indices!, [-1, 1]), "int64");
    const zeros = g.expand(g.scalar(0, data!.dtype), shape);
    const sums = g.scatterAdd(zeros, rows, g.reshape(updates, [-1, ...shape.slice(1)]));
    const back = Array.from({ length: rank }, (_, i) => (i === axis ? 0 : others.indexOf(i) + 1));
    return [axis === 0 ? sums : g.transpose(sums, back), null];
  },
  ScatterND: ({ g, dy, inputs: [, indices] }) => [
    dy,
    null,
    g.reshape(g.gather(dy, indices!), [...indices!.shape.slice(0, 1), ...dy.shape.slice(1)]),
  ],
};
