import type { GraphCore } from "../graph-core.ts";
import { dtypeCodes } from "../ops/index.ts";
import type { DType, Value } from "../value.ts";
import { type Operand, toValues } from "./operand.ts";

/** Element-by-element functions; binary ones broadcast as NumPy does. */
export function elementwise(core: GraphCore) {
  const binary = (op: string) => (a: Operand, b: Operand) => core.emit(op, toValues(core, [a, b]))[0]!;
  const unary = (op: string) => (x: Value) => core.emit(op, [x])[0]!;
  return {
    /** a + b, broadcast. */
    add: binary("Add"),
    /** a − b, broadcast. */
    sub: binary("Sub"),
    /** a · b, broadcast. */
    mul: binary("Mul"),
    /** a / b, broadcast. */
    div: binary("Div"),
    /** a to the power b, broadcast. */
    pow: binary("Pow"),
    /** The larger of a and b, broadcast. */
    max: binary("Max"),
    /** The smaller of a and b, broadcast. */
    min: binary("Min"),
    /** Whether a = b, as bool; broadcast. No gradient. */
    equal: binary("Equal"),
    /** Whether a > b, as bool; broadcast. No gradient. */
    greater: binary("Greater"),
    /** Whether a < b, as bool; broadcast. No gradient. */
    less: binary("Less"),
    /** −x */
    neg: unary("Neg"),
    /** |x| */
    abs: unary("Abs"),
    /** −1, 0 or 1. No gradient. */
    sign: unary("Sign"),
    /** eˣ */
    exp: unary("Exp"),
    /** The natural logarithm. */
    log: unary("Log"),
    /** √x */
    sqrt: unary("Sqrt"),
    /** 1 / x */
    reciprocal: unary("Reciprocal"),
    /** 1 / (1 + e⁻ˣ) */
    sigmoid: unary("Sigmoid"),
    /** The hyperbolic tangent. */
    tanh: unary("Tanh"),
    /** max(x, 0) */
    relu: unary("Relu"),
    /** The error function. */
    erf: unary("Erf"),
    /** log(1 + eˣ) */
    softplus: unary("Softplus"),
    /** The sine of radians. */
    sin: unary("Sin"),
    /** The cosine of radians. */
    cos: unary("Cos"),
    /** min and max are scalars. */
    clip: (x: Value, min: Operand, max: Operand) => core.emit("Clip", toValues(core, [x, min, max]))[0]!,
    /** x·Φ(x) with the exact normal distribution function. */
    gelu: unary("Gelu"),
    /** The negation of a bool. */
    not: unary("Not"),
    /** Both of two bools, broadcast. */
    and: binary("And"),
    /** x itself, as a value of its own. */
    identity: unary("Identity"),
    /** x·σ(alpha·x), the activation of OpenAI's CLIP (alpha = 1.702). */
    quickGelu: (x: Value, alpha = 1.702) => core.emit("QuickGelu", [x], { alpha })[0]!,
    /** condition ? a : b */
    where: (condition: Value, a: Operand, b: Operand) =>
      core.emit("Where", [condition, ...toValues(core, [a, b])])[0]!,
    /** x with another element type; x itself where it has it already. */
    cast: (x: Value, to: DType) => (x.dtype === to ? x : core.emit("Cast", [x], { to: dtypeCodes[to] })[0]!),
  };
}
