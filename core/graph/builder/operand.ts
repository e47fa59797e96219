import type { GraphCore } from "../graph-core.ts";
import { type DType, isFloat, type Value } from "../value.ts";

/** A graph value, or a number that becomes a scalar of the other operand's dtype. */
export type Operand = Value | number;

/** Turns operands into values; numbers take the dtype of the first value among them, else the graph's float type. */
export function toValues(core: GraphCore, operands: readonly Operand[]): Value[] {
  const like = operands.find((operand): operand is Value => typeof operand !== "number");
  const dtype: DType = like?.dtype ?? core.floatType;
  return operands.map((operand) => (typeof operand === "number" ? scalar(core, operand, dtype) : operand));
}

/** A rank-0 constant. bfloat16 and float16 constants are made in float32 and cast. */
export function scalar(core: GraphCore, value: number, dtype: DType = core.floatType): Value {
  if (isFloat(dtype) && dtype !== "float32" && dtype !== "float64") {
    return core.emit("Cast", [core.constant([value], [], "float32")], {
      to: dtype === "float16" ? 10 : 16,
    })[0]!;
  }
  return core.constant([value], [], dtype);
}
