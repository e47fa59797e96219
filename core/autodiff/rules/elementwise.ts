import type { RuleTable } from "../rule.ts";

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
const ONE_OVER_SQRT_TWO_PI = 1 / Math.sqrt(2 * Math.PI);

/** Gradients of element-by-element operators. Where a function has a kink, the derivative there is 0 or shared equally. */
export const elementwiseRules: RuleTable = {
  Add: ({ dy, inputs: [a, b], sumTo }) => [sumTo(dy, a!), sumTo(dy, b!)],
  Sub: ({ g, dy, inputs: [a, b], sumTo }) => [sumTo(dy, a!), sumTo(g.neg(dy), b!)],
  Mul: ({ g, dy, inputs: [a, b], sumTo }) => [sumTo(g.mul(dy, b!), a!), sumTo(g.mul(dy, a!), b!)],
  Div: ({ g, dy, out, inputs: [a, b], sumTo }) => [
    sumTo(g.div(dy, b!), a!),
    sumTo(g.neg(g.div(g.mul(dy, out), b!)), b!),
  ],
  Pow: ({ g, dy, out, inputs: [a, b], sumTo }) => [
    sumTo(g.mul(dy, g.mul(b!, g.pow(a!, g.sub(b!, 1)))), a!),
    sumTo(g.mul(dy, g.mul(out, g.log(a!))), b!),
  ],
  Max: ({ g, dy, inputs, out, sumTo }) => inputs.map((x) => sumTo(g.mul(dy, share(g, x, out, inputs)), x)),
  Min: ({ g, dy, inputs, out, sumTo }) => inputs.map((x) => sumTo(g.mul(dy, share(g, x, out, inputs)), x)),
  Neg: ({ g, dy }) => [g.neg(dy)],
  Abs: ({ g, dy, inputs: [x] }) => [g.mul(dy, g.sign(x!))],
  Sign: () => [null],
  Identity: ({ dy }) => [dy],
  Exp: ({ g, dy, out }) => [g.mul(dy, out)],
  Log: ({ g, dy, inputs: [x] }) => [g.div(dy, x!)],
  Sqrt: ({ g, dy, out }) => [g.div(dy, g.mul(out, 2))],
  Reciprocal: ({ g, dy, out }) => [g.neg(g.mul(dy, g.mul(out, out)))],
  Sigmoid: ({ g, dy, out: s }) => [g.mul(dy, g.mul(s, g.sub(1, s)))],
  Tanh: ({ g, dy, out: t }) => [g.mul(dy, g.sub(1, g.mul(t, t)))],
  Relu: ({ g, dy, inputs: [x] }) => [g.mul(dy, g.cast(g.greater(x!, 0), x!.dtype))],
  Softplus: ({ g, dy, inputs: [x] }) => [g.mul(dy, g.sigmoid(x!))],
  Sin: ({ g, dy, inputs: [x] }) => [g.mul(dy, g.cos(x!))],
  Cos: ({ g, dy, inputs: [x] }) => [g.neg(g.mul(dy, g.sin(x!)))],
  Floor: () => [null],
  Ceil: () => [null],
  LeakyRelu: ({ g, dy, inputs: [x], attrs }) => [
    g.where(g.greater(x!, 0), dy, g.mul(dy, Number(attrs.alpha ?? 0.01))),
  ],
  // Below zero the function is α·(eˣ − 1), whose derivative is its value + α.
  Elu: ({ g, dy, out, inputs: [x], attrs }) => [
    g.where(g.greater(x!, 0), dy, g.mul(dy, g.add(out, Number(attrs.alpha ?? 1)))),
  ],
  HardSigmoid: ({ g, dy, out, attrs }) => [
    g.mul(g.mul(dy, inside(g, out, 0, 1)), Number(attrs.alpha ?? 0.2)),
  ],
  // The value is strictly between the bounds exactly where it is the input's and moves with it.
  Clip: ({ g, dy, out, inputs: [x, ...bounds] }) => [
    g.mul(dy, g.cast(bounds.map((b) => g.not(g.equal(out, b))).reduce(g.and, g.equal(out, x!)), dy.dtype)),
    ...bounds.map(() => null),
  ],
  Erf: ({ g, dy, inputs: [x] }) => [g.mul(dy, g.mul(g.exp(g.neg(g.mul(x!, x!))), TWO_OVER_SQRT_PI))],
  // d/dx x·Φ(x) = Φ(x) + x·φ(x)
  Gelu: ({ g, dy, inputs: [x] }) => {
    const cdf = g.mul(g.add(g.erf(g.mul(x!, Math.SQRT1_2)), 1), 0.5);
    const density = g.mul(g.exp(g.mul(g.mul(x!, x!), -0.5)), ONE_OVER_SQRT_TWO_PI);
    return [g.mul(dy, g.add(cdf, g.mul(x!, density)))];
  },
  // With u = αx: d/dx x·σ(u) = σ(u)·(1 + u·σ(−u)). Fused activations are cheaper than arithmetic over the same elements.
  QuickGelu: ({ g, dy, inputs: [x], attrs }) => {
    const u = g.mul(x!, Number(attrs.alpha ?? 1.702));
    return [g.mul(dy, g.mul(g.sigmoid(u), g.add(1, g.quickGelu(u, -1))))];
  },
  Where: ({ g, dy, inputs: [condition, a, b], sumTo }) => [
    null,
    sumTo(g.where(condition!, dy, 0), a!),
    sumTo(g.where(condition!, 0, dy), b!),
  ],
  Equal: () => [null, null],
  Greater: () => [null, null],
  GreaterOrEqual: () => [null, null],
  Less: () => [null, null],
  LessOrEqual: () => [null, null],
};

type Context = Parameters<NonNullable<RuleTable[string]>>[0];

/** 1 where a value lies strictly between two bounds. */
const inside = (g: Context["g"], x: Context["out"], low: number, high: number) =>
  g.mul(g.cast(g.greater(x, low), x.dtype), g.cast(g.less(x, high), x.dtype));

/** 1 where x attains the extremum, divided by how many inputs do. */
function share(g: Context["g"], x: Context["out"], out: Context["out"], inputs: Context["inputs"]) {
  const hit = (value: Context["out"]) => g.cast(g.equal(value, out), out.dtype);
  const count = inputs.map(hit).reduce((sum, one) => g.add(sum, one));
  return g.div(hit(x), count);
}
