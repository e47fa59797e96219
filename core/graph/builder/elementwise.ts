import type { GraphCore } from "../graph-core.ts";
import { dtypeCodes } from "../ops/index.ts";
import type { DType, Value } from "../value.ts";
import { type Operand, toValues } from "./operand.ts";

/** Element-by-element functions; binary ones broadcast as NumPy does. */
export function elementwise(core: GraphCore) {
  const binary = (op: string) => (a: Operand, b: Operand) => core.emit(op, toValues(core, [a, b]))[0]!;
  const unary = (op: string) => (x: Value) => core.emit(op, [x])[0]!;
  return {
    add: binary("Add"),
    sub: binary("Sub"),
    mul: binary("Mul"),
    div: binary("Div"),
    pow: binary("Pow"),
    max: binary("Max"),
    min: binary("Min"),
    equal: binary("Equal"),
    greater: binary("Greater"),
    less: binary("Less"),
    neg: unary("Neg"),
    abs: unary("Abs"),
    sign: unary("Sign"),
    exp: unary("Exp"),
    log: unary("Log"),
    sqrt: unary("Sqrt"),
    reciprocal: unary("Reciprocal"),
    sigmoid: unary("Sigmoid"),
    tanh: unary("Tanh"),
    relu: unary("Relu"),
    erf: unary("Erf"),
    softplus: unary("Softplus"),
    /** x·Φ(x) with the exact normal distribution function. */
    gelu: unary("Gelu"),
    not: unary("Not"),
    identity: unary("Identity"),
    /** x·σ(alpha·x), the activation of OpenAI's CLIP (alpha = 1.702). */
    quickGelu: (x: Value, alpha = 1.702) => core.emit("QuickGelu", [x], { alpha })[0]!,
    /** condition ? a : b */
    where: (condition: Value, a: Operand, b: Operand) =>
      core.emit("Where", [condition, ...toValues(core, [a, b])])[0]!,
    cast: (x: Value, to: DType) => (x.dtype === to ? x : core.emit("Cast", [x], { to: dtypeCodes[to] })[0]!),
  };
}
