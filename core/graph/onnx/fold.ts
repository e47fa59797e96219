import { broadcastShapes, dtypeFromCode } from "../ops/index.ts";
import { type Attrs, type DType, isFloat, type Shape, sizeOf, type TensorData } from "../value.ts";

/** A tensor whose elements are known when a model is read; whole numbers up to 2⁵³ are exact. */
export interface Constant {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: readonly number[];
}

type Inputs = readonly (Constant | null)[];
type Fold = (inputs: Inputs, attrs: Attrs) => Constant | undefined;

const int = (attrs: Attrs, name: string, fallback: number): number => Number(attrs[name] ?? fallback);
const resolveAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const listOf = (inputs: Inputs, at: number, attrs: Attrs, name: string): readonly number[] | undefined =>
  inputs[at]?.data ?? (attrs[name] as readonly number[] | undefined);

/** Every index of a shape, in row-major order. */
function indices(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (all, dim) => all.flatMap((index) => Array.from({ length: dim }, (_, i) => [...index, i])),
    [[]],
  );
}

const flat = (index: readonly number[], shape: Shape): number =>
  index.reduce((at, i, axis) => at * shape[axis]! + i, 0);

/** A tensor of the given shape whose element at an index is `source`'s at another. */
const rearranged = (
  source: Constant,
  shape: Shape,
  from: (index: readonly number[]) => readonly number[],
): Constant => ({
  dtype: source.dtype,
  shape,
  data: indices(shape).map((index) => source.data[flat(from(index), source.shape)]!),
});

const broadcast = (x: Constant, shape: Shape): Constant =>
  rearranged(x, shape, (index) =>
    index.slice(shape.length - x.shape.length).map((i, axis) => (x.shape[axis] === 1 ? 0 : i)),
  );

const elementwise =
  (compute: (...values: number[]) => number, result?: DType): Fold =>
  (inputs) => {
    const given = inputs as readonly Constant[];
    const shape = broadcastShapes("constant", given);
    const wide = given.map((x) => broadcast(x, shape));
    const dtype = result ?? given.at(-1)!.dtype;
    return { dtype, shape, data: wide[0]!.data.map((_, i) => compute(...wide.map((x) => x.data[i]!))) };
  };

const truth = (compare: (a: number, b: number) => boolean): Fold =>
  elementwise((a, b) => Number(compare(a!, b!)), "bool");

const reshaped = (x: Constant, shape: Shape): Constant => ({ ...x, shape });

const divide: Fold = (inputs, attrs) =>
  elementwise((a, b) => (isFloat(inputs[0]!.dtype) ? a! / b! : Math.trunc(a! / b!)))(inputs, attrs);

const reduce =
  (start: number, combine: (a: number, b: number) => number): Fold =>
  (inputs, attrs) => {
    const x = inputs[0]!;
    const axes = (listOf(inputs, 1, attrs, "axes") ?? [...x.shape.keys()]).map((a) =>
      resolveAxis(a, x.shape.length),
    );
    const kept = x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const data = Array<number>(sizeOf(kept)).fill(start);
    indices(x.shape).forEach((index, i) => {
      const at = flat(
        index.map((value, axis) => (axes.includes(axis) ? 0 : value)),
        kept,
      );
      data[at] = combine(data[at]!, x.data[i]!);
    });
    const shape = int(attrs, "keepdims", 1) === 1 ? kept : kept.filter((_, axis) => !axes.includes(axis));
    return { dtype: x.dtype, shape, data };
  };

/** The arithmetic of shapes, masks and positions, as far as exporters write it. */
const folds: Readonly<Record<string, Fold>> = {
  Add: elementwise((a, b) => a! + b!),
  Sub: elementwise((a, b) => a! - b!),
  Mul: elementwise((a, b) => a! * b!),
  Div: divide,
  Mod: (inputs, attrs) =>
    elementwise((a, b) => (int(attrs, "fmod", 0) === 1 ? a! % b! : a! - b! * Math.floor(a! / b!)))(
      inputs,
      attrs,
    ),
  Pow: elementwise((a, b) => a! ** b!),
  Max: elementwise(Math.max),
  Min: elementwise(Math.min),
  Equal: truth((a, b) => a === b),
  Greater: truth((a, b) => a > b),
  GreaterOrEqual: truth((a, b) => a >= b),
  Less: truth((a, b) => a < b),
  LessOrEqual: truth((a, b) => a <= b),
  And: truth((a, b) => a !== 0 && b !== 0),
  Or: truth((a, b) => a !== 0 || b !== 0),
  Not: elementwise((a) => Number(a === 0)),
  Neg: elementwise((a) => -a!),
  Abs: elementwise((a) => Math.abs(a!)),
  Sqrt: elementwise((a) => Math.sqrt(a!)),
  Reciprocal: elementwise((a) => 1 / a!),
  Floor: elementwise((a) => Math.floor(a!)),
  Ceil: elementwise((a) => Math.ceil(a!)),
  Identity: ([x]) => x!,
  Where: elementwise((condition, a, b) => (condition === 0 ? b! : a!)),
  Cast([x], attrs) {
    const dtype = dtypeFromCode(int(attrs, "to", 0));
    if (dtype === undefined) return undefined;
    if (dtype === "bool") return { ...x!, dtype, data: x!.data.map((value) => Number(value !== 0)) };
    return { ...x!, dtype, data: isFloat(dtype) ? x!.data : x!.data.map(Math.trunc) };
  },
  Gather([data, picks], attrs) {
    const axis = resolveAxis(int(attrs, "axis", 0), data!.shape.length);
    const shape = [...data!.shape.slice(0, axis), ...picks!.shape, ...data!.shape.slice(axis + 1)];
    return rearranged(data!, shape, (index) => {
      const pick = picks!.data[flat(index.slice(axis, axis + picks!.shape.length), picks!.shape)]!;
      return [
        ...index.slice(0, axis),
        resolveAxis(pick, data!.shape[axis]!),
        ...index.slice(axis + picks!.shape.length),
      ];
    });
  },
  Concat(inputs, attrs) {
    const parts = inputs as readonly Constant[];
    const axis = resolveAxis(int(attrs, "axis", 0), parts[0]!.shape.length);
    const total = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    const shape = parts[0]!.shape.map((dim, i) => (i === axis ? total : dim));
    // Which part, and where in it, each position along the axis is.
    const places = parts.flatMap((part) =>
      Array.from({ length: part.shape[axis]! }, (_, at) => ({ part, at })),
    );
    const data = indices(shape).map((index) => {
      const { part, at } = places[index[axis]!]!;
      return part.data[flat(index.with(axis, at), part.shape)]!;
    });
    return { dtype: parts[0]!.dtype, shape, data };
  },
  Slice(inputs, attrs) {
    const x = inputs[0]!;
    const picks = slicePositions(x.shape, {
      starts: listOf(inputs, 1, attrs, "starts")!,
      ends: listOf(inputs, 2, attrs, "ends")!,
      axes: listOf(inputs, 3, attrs, "axes"),
      steps: inputs[4]?.data,
    });
    return rearranged(
      x,
      picks.map((list) => list.length),
      (index) => index.map((i, axis) => picks[axis]![i]!),
    );
  },
  Squeeze(inputs, attrs) {
    const x = inputs[0]!;
    const axes = listOf(inputs, 1, attrs, "axes")?.map((axis) => resolveAxis(axis, x.shape.length));
    return reshaped(
      x,
      x.shape.filter((dim, axis) => (axes === undefined ? dim !== 1 : !axes.includes(axis))),
    );
  },
  Unsqueeze(inputs, attrs) {
    const x = inputs[0]!;
    return reshaped(x, unsqueezedShape(x.shape, listOf(inputs, 1, attrs, "axes") ?? []));
  },
  Reshape([x, target], attrs) {
    const zero = (dim: number, axis: number) =>
      dim === 0 && int(attrs, "allowzero", 0) === 0 ? x!.shape[axis]! : dim;
    const asked = target!.data.map(zero);
    const known = asked.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
    return reshaped(
      x!,
      asked.map((dim) => (dim === -1 ? x!.data.length / known : dim)),
    );
  },
  Expand: ([x, target]) =>
    broadcast(x!, broadcastShapes("Expand", [x!, { dtype: x!.dtype, shape: target!.data }])),
  Transpose([x], attrs) {
    const rank = x!.shape.length;
    const perm =
      (attrs.perm as readonly number[] | undefined) ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    return rearranged(
      x!,
      perm.map((axis) => x!.shape[axis]!),
      (index) => x!.shape.map((_, axis) => index[perm.indexOf(axis)]!),
    );
  },
  Tile: ([x, repeats]) =>
    rearranged(
      x!,
      x!.shape.map((dim, axis) => dim * repeats!.data[axis]!),
      (index) => index.map((i, axis) => i % x!.shape[axis]!),
    ),
  Range([start, limit, delta]) {
    const [from, by] = [start!.data[0]!, delta!.data[0]!];
    const length = Math.max(Math.ceil((limit!.data[0]! - from) / by), 0);
    return { dtype: start!.dtype, shape: [length], data: Array.from({ length }, (_, i) => from + i * by) };
  },
  Trilu([x, diagonal], attrs) {
    const k = diagonal?.data[0] ?? 0;
    const upper = int(attrs, "upper", 1) === 1;
    const data = indices(x!.shape).map((index, i) => {
      const distance = index.at(-1)! - index.at(-2)!;
      return (upper ? distance >= k : distance <= k) ? x!.data[i]! : 0;
    });
    return { ...x!, data };
  },
  NonZero([x]) {
    const hits = indices(x!.shape).filter((_, i) => x!.data[i] !== 0);
    const rank = x!.shape.length;
    const data = Array.from({ length: rank }, (_, axis) => hits.map((index) => index[axis]!)).flat();
    return { dtype: "int64", shape: [rank, hits.length], data };
  },
  ReduceProd: reduce(1, (a, b) => a * b),
  ReduceSum: reduce(0, (a, b) => a + b),
  ReduceMax: reduce(Number.NEGATIVE_INFINITY, Math.max),
  ReduceMin: reduce(Number.POSITIVE_INFINITY, Math.min),
};

/** The shape with axes of size 1 put in. */
export function unsqueezedShape(shape: Shape, axes: readonly number[]): number[] {
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => resolveAxis(axis, rank)));
  const rest = [...shape];
  return Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : rest.shift()!));
}

export interface SliceArguments {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[] | undefined;
  readonly steps: readonly number[] | undefined;
}

/** What a Slice takes along each axis, as positions. */
export function slicePositions(shape: Shape, { starts, ends, axes, steps }: SliceArguments): number[][] {
  const picks = shape.map((dim) => Array.from({ length: dim }, (_, i) => i));
  starts.forEach((start, i) => {
    const axis = resolveAxis(axes?.[i] ?? i, shape.length);
    const [dim, step] = [shape[axis]!, steps?.[i] ?? 1];
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    const bound = (at: number) => Math.min(Math.max(at < 0 ? at + dim : at, low), high);
    // Backwards, the end is exclusive, and one before the first element is written as a very small number.
    const [from, to] = [bound(start), ends[i]! < -dim ? low : bound(ends[i]!)];
    picks[axis] = Array.from(
      { length: Math.max(Math.ceil((to - from) / step), 0) },
      (_, n) => from + n * step,
    );
  });
  return picks;
}

/** Elements up to which a constant is worked out. */
export const LARGEST_CONSTANT = 2 ** 20;

/** What an operator makes of constants; undefined where that is not worked out here. */
export function fold(op: string, inputs: Inputs, attrs: Attrs): Constant | undefined {
  const made = folds[op]?.(inputs, attrs);
  return made === undefined || made.data.length > LARGEST_CONSTANT ? undefined : made;
}

const LARGEST_INT64 = 2n ** 63n - 1n;
const toInt64 = (value: number): bigint =>
  value >= 2 ** 63 ? LARGEST_INT64 : value <= -(2 ** 63) ? -LARGEST_INT64 - 1n : BigInt(Math.trunc(value));

/** The elements as an array of the constant's type; undefined for half precision, which none is for. */
export function constantArray({ dtype, data }: Constant): TensorData | undefined {
  if (dtype === "float32") return Float32Array.from(data);
  if (dtype === "float64") return Float64Array.from(data);
  if (dtype === "int64") return BigInt64Array.from(data, toInt64);
  if (dtype === "int32") return Int32Array.from(data);
  return dtype === "bool" || dtype === "uint8" ? Uint8Array.from(data) : undefined;
}
