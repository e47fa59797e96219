import type { Graph } from "../graph.ts";
import { type Attrs, isFloat, sizeOf, type Value } from "../value.ts";
import { type Constant, constantArray, fold, LARGEST_CONSTANT } from "./fold.ts";
import type { OnnxTensor } from "./message.ts";
import { readTensor } from "./tensor.ts";

/** What is known of a model's values when it is read. */
export interface Constants {
  /** The elements of a value; undefined for what is computed at run time, and for weights. */
  of(value: Value): Constant | undefined;
  /** The result of an operator on known values, as a constant of the graph. */
  fold(op: string, inputs: readonly (Value | null)[], attrs: Attrs): Value | undefined;
  /** A known shape filled with one number, 0 where there is none. */
  filled(shape: Value, fill: OnnxTensor | null | undefined): Value | undefined;
}

export function constants(graph: Graph): Constants {
  const made = new Set<Value>();

  const of = (value: Value): Constant | undefined => {
    const source = graph.initializers.get(value);
    if (source?.kind !== "data") return undefined;
    const { dtype, shape } = value;
    // Larger floats are weights: they keep their names and are left to the runtime.
    const wanted = made.has(value) || !isFloat(dtype) || (sizeOf(shape) === 1 && dtype.startsWith("float"));
    if (!wanted || sizeOf(shape) > LARGEST_CONSTANT || dtype === "float16") return undefined;
    return { dtype, shape, data: Array.from(source.data as ArrayLike<number | bigint>, Number) };
  };

  const add = (constant: Constant): Value | undefined => {
    const data = constantArray(constant);
    if (data === undefined) return undefined;
    const value = graph.constant(data, constant.shape, constant.dtype);
    made.add(value);
    return value;
  };

  return {
    of,
    fold(op, inputs, attrs) {
      const known = inputs.map((value) => (value === null ? null : of(value)));
      if (inputs.length === 0 || known.includes(undefined)) return undefined;
      const result = fold(op, known as readonly (Constant | null)[], attrs);
      return result && add(result);
    },
    filled(shape, fill) {
      const size = of(shape)?.data;
      if (size === undefined) return undefined;
      const { dtype, content } = fill
        ? readTensor(fill, "value", ".")
        : { dtype: "float32" as const, content: { kind: "data" as const, data: Float32Array.of(0) } };
      if (content.kind !== "data" || sizeOf(size) > LARGEST_CONSTANT) return undefined;
      return add({ dtype, shape: size, data: Array<number>(sizeOf(size)).fill(Number(content.data[0])) });
    },
  };
}
