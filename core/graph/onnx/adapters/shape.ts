import { sizeOf, type Value } from "../../value.ts";
import { slicePositions, unsqueezedShape } from "../fold.ts";
import { type AdapterTable, axisOf } from "./adapter.ts";

/** Operators that move elements, with shapes as numbers: what exporters compute at run time is known here. */
export const shapeAdapters: AdapterTable = {
  Shape: ({ g, input, number }) => {
    const { shape } = input(0);
    const part = shape.slice(number("start", 0), number("end", shape.length));
    return [g.constant(part, [part.length], "int64")];
  },
  Size: ({ g, input }) => [g.constant([sizeOf(input(0).shape)], [], "int64")],
  Flatten: ({ g, input, number }) => {
    const { shape } = input(0);
    const rows = sizeOf(shape.slice(0, axisOf(number("axis", 1), shape.length)));
    return [g.reshape(input(0), [rows, rows === 0 ? 0 : sizeOf(shape) / rows])];
  },
  Squeeze: ({ g, input, ints }) => {
    const x = input(0);
    const axes = ints(1, "axes")?.map((axis) => axisOf(axis, x.shape.length));
    return [
      g.reshape(
        x,
        x.shape.filter((dim, axis) => (axes === undefined ? dim !== 1 : !axes.includes(axis))),
      ),
    ];
  },
  Unsqueeze: ({ g, input, ints }) => [
    g.reshape(input(0), unsqueezedShape(input(0).shape, ints(1, "axes") ?? [])),
  ],
  Split: ({ g, input, ints, number, outputs }) => {
    const x = input(0);
    const axis = axisOf(number("axis", 0), x.shape.length);
    const size = Math.ceil(x.shape[axis]! / outputs);
    const parts =
      ints(1, "split") ??
      Array.from({ length: outputs }, (_, i) => Math.min(size, x.shape[axis]! - i * size));
    let start = 0;
    return parts.map((length) => {
      start += length;
      return g.slice(x, axis, start - length, start);
    });
  },
  // One axis after the other, which is what the gradient is written for; a step other than 1 picks rows.
  Slice: ({ g, input, ints, fail }) => {
    const x = input(0);
    const [starts, ends] = [ints(1, "starts"), ints(2, "ends")];
    if (starts === undefined || ends === undefined) return fail("where it cuts is computed at run time");
    const picks = slicePositions(x.shape, { starts, ends, axes: ints(3, "axes"), steps: ints(4, "steps") });
    return [
      picks.reduce<Value>((part, list, axis) => {
        if (list.length === part.shape[axis] && list.every((position, i) => position === i)) return part;
        const [first, last] = [list[0] ?? 0, list.at(-1) ?? -1];
        return last - first + 1 === list.length
          ? g.slice(part, axis, first, last + 1)
          : g.gather(part, g.constant(list, [list.length], "int64"), axis);
      }, x),
    ];
  },
  Tile: ({ g, input, ints, fail }) => {
    const x = input(0);
    const repeats = ints(1, "repeats") ?? fail("how often it repeats is computed at run time");
    const pairs = (before: readonly number[]) => x.shape.flatMap((dim, axis) => [before[axis]!, dim]);
    const spread = g.expand(g.reshape(x, pairs(x.shape.map(() => 1))), pairs(repeats));
    return [
      g.reshape(
        spread,
        x.shape.map((dim, axis) => dim * repeats[axis]!),
      ),
    ];
  },
  Pad: ({ g, input, inputs, ints, attrs, number, fail }) => {
    const x = input(0);
    const rank = x.shape.length;
    const given = ints(1, "pads") ?? fail("how much it pads is computed at run time");
    const axes = (ints(3, "axes") ?? [...x.shape.keys()]).map((axis) => axisOf(axis, rank));
    const pads = Array<number>(2 * rank).fill(0);
    axes.forEach((axis, i) => {
      pads[axis] = given[i]!;
      pads[axis + rank] = given[i + axes.length]!;
    });
    const fill = inputs[2] ?? (number("value", 0) === 0 ? undefined : g.scalar(number("value", 0), x.dtype));
    const amounts = g.constant(pads, [2 * rank], "int64");
    return g.emit("Pad", fill ? [x, amounts, fill] : [x, amounts], {
      mode: String(attrs.mode ?? "constant"),
    });
  },
};
