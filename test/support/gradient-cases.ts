import fc from "fast-check";
import type { Graph, Value } from "../../core/graph/index.ts";

/** How values are drawn: away from kinks and poles where the function has any. */
export type Draw = "any" | "positive" | "nonzero" | "spread";
type Shape = readonly number[];

export interface Case {
  readonly shapes: readonly Shape[];
  readonly build: (g: Graph, inputs: readonly Value[]) => Value;
  readonly draw?: Draw;
  /** The operator has no float64 kernel: it runs in float32 inside, so the differences are coarser. */
  readonly single?: boolean;
}

const dim = fc.integer({ min: 1, max: 4 });
const shape = (min = 1, max = 3) => fc.array(dim, { minLength: min, maxLength: max });
const one = (build: (g: Graph, x: Value) => Value, options: Partial<Case> = {}, min = 1) =>
  shape(min).map((s): Case => ({ shapes: [s], build: (g, [x]) => build(g, x!), ...options }));

/** Two shapes that broadcast against each other, with leading axes missing and axes of size 1. */
const broadcastPair = shape(0).chain((full) =>
  fc
    .tuple(
      fc.nat(full.length),
      fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
      fc.boolean(),
    )
    .map(([drop, ones, swap]): [Shape, Shape] => {
      const small = full.map((size, i) => (ones[i] ? 1 : size)).slice(drop);
      return swap ? [small, full] : [full, small];
    }),
);
const two = (build: (g: Graph, a: Value, b: Value) => Value, options: Partial<Case> = {}) =>
  broadcastPair.map((shapes): Case => ({ shapes, build: (g, [a, b]) => build(g, a!, b!), ...options }));
const axisOf = (x: Value, raw: number) => raw % x.shape.length;
const axes = fc.nat(5);
const someAxes = fc.tuple(axes, axes, fc.boolean());
const reduce = (
  name: "reduceSum" | "reduceMean" | "reduceMax" | "reduceMin" | "reduceLogSumExp",
  draw: Draw = "any",
) =>
  fc.tuple(shape(), someAxes).map(
    ([s, [a, b, keepDims]]): Case => ({
      shapes: [s],
      draw,
      build: (g, [x]) => g[name](x!, [...new Set([axisOf(x!, a), axisOf(x!, b)])], { keepDims }),
    }),
  );
const matmulCase = (op: "MatMul" | "FusedMatMul") =>
  fc
    .record({
      m: dim,
      k: dim,
      n: dim,
      batch: fc.array(dim, { maxLength: 2 }),
      flat: fc.boolean(),
      one: fc.boolean(),
      ta: fc.boolean(),
      tb: fc.boolean(),
    })
    .map(({ m, k, n, batch, flat, one: single, ta, tb }): Case => {
      const fused = op === "FusedMatMul";
      const right = flat ? [] : batch.map((size) => (single ? 1 : size));
      return {
        shapes: [
          [...batch, ...(fused && ta ? [k, m] : [m, k])],
          [...right, ...(fused && tb ? [n, k] : [k, n])],
        ],
        build: (g, [a, b]) => g.matmul(a!, b!, fused ? { transA: ta, transB: tb, alpha: 0.7 } : {}),
      };
    });

/** A sliding window over one or two axes: kernel, strides, dilations, padding, and an input that it fits into. */
const windows = fc
  .array(
    fc.record({
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      before: fc.nat(2),
      after: fc.nat(2),
      more: fc.nat(2),
    }),
    { minLength: 1, maxLength: 2 },
  )
  .map((list) => ({
    kernel: list.map(({ kernel }) => kernel),
    strides: list.map(({ stride }) => stride),
    dilations: list.map(({ dilation }) => dilation),
    before: list.map(({ before }) => before),
    after: list.map(({ after }) => after),
    size: list.map(({ kernel, dilation, more }) => (kernel - 1) * dilation + 1 + more),
  }));

const convolutionCase = (transposed: boolean) =>
  fc
    .record({
      window: windows,
      batch: fc.integer({ min: 1, max: 2 }),
      groups: fc.integer({ min: 1, max: 2 }),
      ins: fc.integer({ min: 1, max: 2 }),
      outs: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ window: { size, ...window }, batch, groups, ins, outs }): Case => {
      // A transposed window takes padding away from the result, which must leave something.
      const room = size.map((length, i) => length + window.before[i]! + window.after[i]!);
      const weight = transposed ? [groups * ins, outs] : [groups * outs, ins];
      return {
        shapes: [
          [batch, groups * ins, ...(transposed ? room : size)],
          [...weight, ...window.kernel],
          [groups * outs],
        ],
        single: true,
        build: (g, [x, w, bias]) =>
          transposed
            ? g.convTranspose(x!, w!, {
                ...window,
                bias: bias!,
                groups,
                extra: window.strides.map((s) => s - 1),
              })
            : g.conv(x!, w!, { ...window, bias: bias!, groups }),
      };
    });

/** Padding of a pooling is smaller than its kernel. */
const poolCase = (
  build: (g: Graph, x: Value, attrs: Record<string, number[] | number>) => Value,
  draw: Draw,
) =>
  fc
    .record({
      window: windows,
      channels: fc.integer({ min: 1, max: 2 }),
      flag: fc.boolean(),
      ceil: fc.boolean(),
    })
    .map(({ window, channels, flag, ceil }): Case => {
      const inKernel = (pads: readonly number[]) =>
        pads.map((pad, i) => Math.min(pad, window.kernel[i]! - 1));
      const attrs = {
        kernel_shape: window.kernel,
        strides: window.strides,
        pads: [...inKernel(window.before), ...inKernel(window.after)],
        ceil_mode: Number(ceil && !flag),
        flag: Number(flag),
      };
      return {
        shapes: [[1, channels, ...window.size.map((length) => Math.min(length, 4) + 1)]],
        single: true,
        draw,
        build: (g, [x]) => build(g, x!, attrs),
      };
    });

/** By operator: random shapes with broadcasting, axes of size 1, negative axes and every attribute a rule reads. */
export const cases: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  Add: two((g, a, b) => g.add(a, b)),
  Sub: two((g, a, b) => g.sub(a, b)),
  Mul: two((g, a, b) => g.mul(a, b)),
  Div: two((g, a, b) => g.div(a, b), { draw: "nonzero" }),
  Pow: two((g, a, b) => g.pow(a, b), { draw: "positive" }),
  Max: two((g, a, b) => g.max(a, b), { draw: "spread" }),
  Min: two((g, a, b) => g.min(a, b), { draw: "spread" }),
  Where: two((g, a, b) => {
    const { shape: out } = g.add(a, b);
    const alternating = Array.from({ length: out.reduce((x, y) => x * y, 1) }, (_, i) => i % 2);
    return g.where(g.greater(g.constant(alternating, out), 0.5), a, b);
  }),
  Neg: one((g, x) => g.neg(x)),
  Abs: one((g, x) => g.abs(x), { draw: "nonzero" }),
  Identity: one((g, x) => g.identity(x)),
  Exp: one((g, x) => g.exp(x)),
  Log: one((g, x) => g.log(x), { draw: "positive" }),
  Sqrt: one((g, x) => g.sqrt(x), { draw: "positive" }),
  Reciprocal: one((g, x) => g.reciprocal(x), { draw: "nonzero" }),
  Sigmoid: one((g, x) => g.sigmoid(x)),
  Tanh: one((g, x) => g.tanh(x)),
  Relu: one((g, x) => g.relu(x), { draw: "nonzero" }),
  Sin: one((g, x) => g.sin(x)),
  Cos: one((g, x) => g.cos(x), { single: true }),
  LeakyRelu: one((g, x) => g.emit("LeakyRelu", [x], { alpha: 0.3 })[0]!, { draw: "nonzero", single: true }),
  Elu: one((g, x) => g.emit("Elu", [x], { alpha: 0.7 })[0]!, { draw: "nonzero", single: true }),
  // One end of the slope at 0, which values keep away from, and the other beyond them.
  HardSigmoid: fc
    .constantFrom(0, 1)
    .chain((beta) =>
      one((g, x) => g.emit("HardSigmoid", [x], { alpha: 0.4, beta })[0]!, { draw: "nonzero", single: true }),
    ),
  Clip: one((g, x) => g.clip(x, -0.7437, 1.0437), { draw: "spread" }),
  Conv: convolutionCase(false),
  ConvTranspose: convolutionCase(true),
  MaxPool: poolCase((g, x, { flag, ...attrs }) => g.emit("MaxPool", [x], attrs, flag ? 2 : 1)[0]!, "spread"),
  AveragePool: poolCase(
    (g, x, { flag, ...attrs }) => g.emit("AveragePool", [x], { ...attrs, count_include_pad: flag! })[0]!,
    "any",
  ),
  Softplus: one((g, x) => g.softplus(x), { single: true }),
  Erf: one((g, x) => g.erf(x), { single: true }),
  Gelu: one((g, x) => g.gelu(x), { single: true }),
  QuickGelu: one((g, x) => g.quickGelu(x), { single: true }),
  MatMul: matmulCase("MatMul"),
  FusedMatMul: matmulCase("FusedMatMul"),
  Gemm: fc.record({ m: dim, k: dim, n: dim, ta: fc.boolean(), tb: fc.boolean() }).map(
    ({ m, k, n, ta, tb }): Case => ({
      shapes: [ta ? [k, m] : [m, k], tb ? [n, k] : [k, n], [n]],
      build: (g, inputs) =>
        g.emit("Gemm", inputs, { transA: Number(ta), transB: Number(tb), alpha: 0.5, beta: 1.5 })[0]!,
    }),
  ),
  ReduceSum: reduce("reduceSum"),
  ReduceMean: reduce("reduceMean"),
  ReduceMax: reduce("reduceMax", "spread"),
  ReduceMin: reduce("reduceMin", "spread"),
  ReduceLogSumExp: reduce("reduceLogSumExp"),
  Softmax: fc
    .tuple(shape(), axes)
    .map(([s, a]): Case => ({ shapes: [s], build: (g, [x]) => g.softmax(x!, axisOf(x!, a)) })),
  LogSoftmax: fc
    .tuple(shape(), axes)
    .map(([s, a]): Case => ({ shapes: [s], build: (g, [x]) => g.logSoftmax(x!, axisOf(x!, a)) })),
  LayerNormalization: fc.tuple(shape(0, 2), fc.integer({ min: 2, max: 5 })).map(
    ([s, width]): Case => ({
      shapes: [[...s, width], [width], [width]],
      draw: "spread",
      build: (g, [x, w, b]) => g.layerNorm(x!, w!, b!),
    }),
  ),
  Cast: one((g, x) => g.cast(g.cast(x, "float32"), "float64"), { single: true }),
  Reshape: one((g, x) => g.reshape(x, [-1, 1])),
  Squeeze: one(
    (g, x) => g.emit("Squeeze", [g.reshape(x, [...x.shape, 1]), g.constant([-1], [1], "int64")])[0]!,
  ),
  Unsqueeze: one((g, x) => g.emit("Unsqueeze", [x, g.constant([0], [1], "int64")])[0]!),
  Expand: broadcastPair.map(
    ([a, b]): Case => ({ shapes: [b], build: (g, [x]) => g.expand(x!, a.length >= b.length ? a : b) }),
  ),
  Transpose: fc.tuple(shape(), fc.boolean()).map(
    ([s, flip]): Case => ({
      shapes: [s],
      build: (g, [x]) =>
        g.transpose(x!, flip ? s.map((_, i) => s.length - 1 - i) : s.map((_, i) => (i + 1) % s.length)),
    }),
  ),
  Concat: fc.tuple(shape(), axes, dim).map(([s, a, extra]): Case => {
    const axis = a % s.length;
    return {
      shapes: [s, s.map((size, i) => (i === axis ? extra : size))],
      build: (g, values) => g.concat(values, axis),
    };
  }),
  Slice: fc.tuple(shape(), axes, fc.nat(3), fc.nat(3)).map(([s, a, from, to]): Case => {
    const axis = a % s.length;
    const start = from % s[axis]!;
    return {
      shapes: [s],
      build: (g, [x]) => g.slice(x!, axis, start, start + 1 + (to % (s[axis]! - start))),
    };
  }),
  Pad: one((g, x) =>
    g.pad(
      x,
      x.shape.map((_, i) => i % 2),
      x.shape.map(() => 2),
    ),
  ),
  Gather: fc
    .tuple(shape(), axes, fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }), fc.nat(2))
    .map(([s, a, picks, rank]): Case => {
      const axis = a % s.length;
      const indices = picks.map((i, at) => (i % s[axis]!) - (at % 2) * s[axis]!);
      const own = rank === 0 ? indices.slice(0, 1) : indices;
      const picked = rank === 0 ? [] : rank === 1 ? [own.length] : [own.length, 1];
      return {
        shapes: [s],
        build: (g, [x]) => g.gather(x!, g.constant(own, picked, "int64"), axis),
      };
    }),
  ScatterND: fc.tuple(shape(), fc.array(fc.nat(20), { minLength: 1, maxLength: 6 })).map(
    ([s, picks]): Case => ({
      shapes: [s, [picks.length, ...s.slice(1)]],
      build: (g, [x, updates]) =>
        g.scatterAdd(
          x!,
          g.constant(
            picks.map((i) => i % s[0]!),
            [picks.length, 1],
            "int64",
          ),
          updates!,
        ),
    }),
  ),
};
