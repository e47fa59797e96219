import { type Attrs, isFloat, type Value } from "../../value.ts";
import type { AdapterTable } from "./adapter.ts";

/** float32 attributes that other versions have as inputs. */
const bound = (attrs: Attrs, name: string): number | undefined =>
  attrs[name] === undefined ? undefined : Number(attrs[name]);

export const elementwiseAdapters: AdapterTable = {
  // At inference.
  Dropout: ({ input, inputs, g, fail }) => {
    const training = inputs[2];
    if (training && g.constantInts(training)?.[0] !== 0) {
      fail("it is in training mode", "export the model in evaluation mode");
    }
    return [input(0)];
  },
  Identity: ({ input }) => [input(0)],
  CastLike: ({ g, input }) => [g.cast(input(0), input(1).dtype)],
  Clip: ({ g, input, inputs, attrs }) => {
    const x = input(0);
    const [min, max] = [bound(attrs, "min"), bound(attrs, "max")];
    const value = (number: number | undefined): Value | null =>
      number === undefined ? null : g.scalar(number, x.dtype);
    const bounds = inputs.length > 1 ? [inputs[1] ?? null, inputs[2] ?? null] : [value(min), value(max)];
    return g.emit("Clip", [x, ...bounds.slice(0, bounds[1] === null ? 1 : 2)]);
  },
  Gelu: ({ g, input, attrs }) => {
    const x = input(0);
    if (attrs.approximate !== "tanh") return [g.gelu(x)];
    const inner = g.mul(g.add(x, g.mul(g.mul(g.mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
    return [g.mul(g.mul(x, 0.5), g.add(g.tanh(inner), 1))];
  },
  HardSwish: ({ g, input }) => {
    const x = input(0);
    return [g.mul(x, g.emit("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 })[0]!)];
  },
  Mish: ({ g, input }) => [g.mul(input(0), g.tanh(g.softplus(input(0))))],
  Swish: ({ g, input, number }) => [g.mul(input(0), g.sigmoid(g.mul(input(0), number("alpha", 1))))],
  Softsign: ({ g, input }) => [g.div(input(0), g.add(g.abs(input(0)), 1))],
  Selu: ({ g, input, number }) => [
    g.mul(g.emit("Elu", [input(0)], { alpha: number("alpha", 1.6732632) })[0]!, number("gamma", 1.0507009)),
  ],
  PRelu: ({ g, input }) => {
    const [x, slope] = [input(0), input(1)];
    return [g.add(g.relu(x), g.mul(slope, g.neg(g.relu(g.neg(x)))))];
  },
  Sum: ({ g, inputs }) => [(inputs as readonly Value[]).reduce((sum, x) => g.add(sum, x))],
  Mean: ({ g, inputs }) => [
    g.mul(
      (inputs as readonly Value[]).reduce((sum, x) => g.add(sum, x)),
      1 / inputs.length,
    ),
  ],
  // The exponent may have another type; the graph's rule takes one.
  Pow: ({ g, input }) => {
    const [x, exponent] = [input(0), input(1)];
    if (isFloat(x.dtype) && exponent.shape.length === 0 && g.constantInts(exponent)?.[0] === 2)
      return [g.mul(x, x)];
    return [g.pow(x, g.cast(exponent, x.dtype))];
  },
};
