import { ShapeError } from "../errors.ts";
import type { Attrs, DType, Shape, Value } from "../value.ts";

export type AttrType = "int" | "float" | "ints" | "string";

/** What an operator's output is like. */
export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** What shape inference sees of one operator application. */
export interface InferContext {
  readonly op: string;
  readonly inputs: readonly (Value | null)[];
  readonly attrs: Attrs;
  /** How many outputs are asked for. */
  readonly outputs: number;
  /** Required input number `index`. */
  input(index: number): Value;
  /** Integers of a constant input, e.g. a target shape. */
  constant(index: number): readonly number[];
  fail(problem: string): never;
}

export interface OpDef {
  /** Operator set; the standard ONNX one when absent. */
  readonly domain?: "com.microsoft";
  readonly attrs?: Readonly<Record<string, AttrType>>;
  infer(context: InferContext): readonly ValueType[];
}

export type OpTable = Readonly<Record<string, OpDef>>;

/** Multidirectional (NumPy) broadcasting of any number of shapes. */
export function broadcastShapes(op: string, values: readonly Pick<Value, "dtype" | "shape">[]): Shape {
  const rank = Math.max(...values.map((value) => value.shape.length));
  const out: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let dim = 1;
    for (const { shape } of values) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own === 1 || own === dim) continue;
      if (dim !== 1)
        throw new ShapeError(op, values, `dimension ${axis} does not broadcast (${dim} and ${own})`);
      dim = own;
    }
    out.push(dim);
  }
  return out;
}

/** Resolves a possibly negative axis, or fails naming the operator. */
export function resolveAxis(context: InferContext, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= Math.max(rank, 1)) {
    context.fail(`axis ${axis} is out of range for rank ${rank}`);
  }
  return resolved;
}

/** Fails unless all given inputs share one dtype, which is returned. */
export function sameDType(context: InferContext, indices: readonly number[]): DType {
  const dtype = context.input(indices[0] ?? 0).dtype;
  for (const index of indices) {
    if (context.input(index).dtype !== dtype) context.fail("inputs must have one dtype");
  }
  return dtype;
}

export const intAttr = (attrs: Attrs, name: string, fallback: number): number => {
  const value = attrs[name];
  return typeof value === "number" ? value : fallback;
};

export const intsAttr = (attrs: Attrs, name: string): readonly number[] | undefined => {
  const value = attrs[name];
  return Array.isArray(value) ? (value as readonly number[]) : undefined;
};
