import { isFloat } from "../value.ts";
import { broadcastShapes, type InferContext, type OpDef, type OpTable, sameDType } from "./define.ts";

const floatUnary: OpDef = {
  infer(context) {
    const { dtype, shape } = context.input(0);
    if (!isFloat(dtype)) context.fail("needs a floating-point input");
    return [{ dtype, shape }];
  },
};

const unary: OpDef = { infer: (context) => [context.input(0)] };

const binaryShape = (context: InferContext) =>
  broadcastShapes(context.op, [context.input(0), context.input(1)]);

const binary: OpDef = {
  infer: (context) => [{ dtype: sameDType(context, [0, 1]), shape: binaryShape(context) }],
};

const comparison: OpDef = {
  infer(context) {
    sameDType(context, [0, 1]);
    return [{ dtype: "bool", shape: binaryShape(context) }];
  },
};

const logical: OpDef = {
  infer(context) {
    if (sameDType(context, [0, 1]) !== "bool") context.fail("needs bool inputs");
    return [{ dtype: "bool", shape: binaryShape(context) }];
  },
};

const variadic: OpDef = {
  infer(context) {
    const values = context.inputs.map((_, index) => context.input(index));
    return [
      {
        dtype: sameDType(
          context,
          values.map((_, i) => i),
        ),
        shape: broadcastShapes(context.op, values),
      },
    ];
  },
};

/** Operators that work element by element, with broadcasting. */
export const elementwiseOps: OpTable = {
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Pow: { infer: (context) => [{ dtype: context.input(0).dtype, shape: binaryShape(context) }] },
  Max: variadic,
  Min: variadic,
  Equal: comparison,
  Greater: comparison,
  GreaterOrEqual: comparison,
  Less: comparison,
  LessOrEqual: comparison,
  And: logical,
  Or: logical,
  Not: unary,
  Neg: unary,
  Abs: unary,
  Sign: unary,
  Identity: unary,
  Exp: floatUnary,
  Log: floatUnary,
  Sqrt: floatUnary,
  Reciprocal: floatUnary,
  Sigmoid: floatUnary,
  Tanh: floatUnary,
  Relu: floatUnary,
  Erf: floatUnary,
  Softplus: floatUnary,
  Sin: floatUnary,
  Cos: floatUnary,
  Floor: floatUnary,
  Ceil: floatUnary,
  LeakyRelu: { ...floatUnary, attrs: { alpha: "float" } },
  Elu: { ...floatUnary, attrs: { alpha: "float" } },
  HardSigmoid: { ...floatUnary, attrs: { alpha: "float", beta: "float" } },
  Clip: {
    infer(context) {
      const { dtype, shape } = context.input(0);
      for (const bound of context.inputs.slice(1)) {
        if (bound && (bound.dtype !== dtype || bound.shape.length > 1)) {
          context.fail("the bounds must be single numbers of the input's type");
        }
      }
      return [{ dtype, shape }];
    },
  },
  Gelu: { ...floatUnary, domain: "com.microsoft" },
  QuickGelu: { ...floatUnary, domain: "com.microsoft", attrs: { alpha: "float" } },
  Where: {
    infer(context) {
      if (context.input(0).dtype !== "bool") context.fail("the condition must be bool");
      const shape = broadcastShapes(
        context.op,
        [0, 1, 2].map((index) => context.input(index)),
      );
      return [{ dtype: sameDType(context, [1, 2]), shape }];
    },
  },
};
