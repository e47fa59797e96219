import { type Graph, sizeOf, type Value, type Window, windowOf } from "../../graph/index.ts";
import type { RuleContext, RuleTable } from "../rule.ts";

const spatialOf = (x: Value): number[] => x.shape.slice(2);

/** Σ over batch and positions: the bias's gradient, [channels]. */
const perChannel = (g: Graph, dy: Value): Value =>
  g.reduceSum(dy, [0, ...spatialOf(dy).map((_, i) => i + 2)], { keepDims: false });

/** The gradient of a convolution's input: the adjoint convolution, made as large as the input was. */
function inputGradient(
  g: Graph,
  dy: Value,
  weight: Value,
  { window, groups, size }: { window: Window; groups: number; size: readonly number[] },
): Value {
  const { kernel, strides, dilations, before, after } = window;
  // What the last window left over at the end; negative where it reached over the end (ceil_mode).
  const left = size.map((length, i) => {
    const covered = strides[i]! * (dy.shape[i + 2]! - 1) + (kernel[i]! - 1) * dilations[i]! + 1;
    return length - (covered - before[i]! - after[i]!);
  });
  return g.convTranspose(dy, weight, {
    strides,
    dilations,
    before,
    after: after.map((pad, i) => pad - Math.min(left[i]!, 0)),
    groups,
    extra: left.map((count) => Math.max(count, 0)),
  });
}

/**
 * The gradient of a convolution's weight [O, I/G, …kernel], itself a convolution: the input with channels for samples,
 * the gradient as a kernel, strides and dilations exchanged; samples of a group are its channels.
 */
function weightGradient(
  g: Graph,
  x: Value,
  dy: Value,
  { window, groups }: { window: Window; groups: number },
): Value {
  const { kernel, strides, dilations, before, after } = window;
  const [batch, channels] = x.shape as [number, number];
  const [own, outs] = [channels / groups, dy.shape[1]!];
  const axes = spatialOf(x).map((_, i) => i);
  const split = g.reshape(x, [batch, groups, own, ...spatialOf(x)]);
  const samples = g.reshape(g.transpose(split, [2, 1, 0, ...axes.map((i) => i + 3)]), [
    own,
    groups * batch,
    ...spatialOf(x),
  ]);
  const filters = g.transpose(dy, [1, 0, ...axes.map((i) => i + 2)]);
  const product = g.conv(samples, filters, {
    strides: dilations,
    dilations: strides,
    before,
    after,
    groups,
  });
  // Positions that the strides skipped at the end of the input would be further elements of the kernel.
  const cut = axes.reduce((part, i) => {
    return part.shape[i + 2] === kernel[i] ? part : g.slice(part, i + 2, 0, kernel[i]!);
  }, product);
  return g.reshape(g.transpose(cut, [1, 0, ...axes.map((i) => i + 2)]), [outs, own, ...kernel]);
}

/** How many elements of the input are under each window, [1, 1, …out]: what an average without padding divides by. */
function countUnder(window: Window, size: readonly number[], out: readonly number[]): number[] {
  const { kernel, strides, dilations, before } = window;
  const perAxis = size.map((length, axis) =>
    Array.from({ length: out[axis]! }, (_, at) => {
      const start = at * strides[axis]! - before[axis]!;
      const places = Array.from({ length: kernel[axis]! }, (__, k) => start + k * dilations[axis]!);
      return places.filter((place) => place >= 0 && place < length).length;
    }),
  );
  return perAxis.reduce<number[]>((all, counts) => all.flatMap((a) => counts.map((b) => a * b)), [1]);
}

function maxPoolRule(context: RuleContext): readonly (Value | null)[] {
  const { g, dy, inputs, outputs, attrs } = context;
  const x = inputs[0]!;
  const places = outputs[1] ?? g.emit("MaxPool", [x], attrs, 2)[1]!;
  const zeros = g.expand(g.scalar(0, x.dtype), [sizeOf(x.shape)]);
  const sums = g.scatterAdd(zeros, g.reshape(places, [-1, 1]), g.reshape(dy, [-1]));
  return [g.reshape(sums, x.shape)];
}

function averagePoolRule({ g, dy, inputs, attrs, int, refuse }: RuleContext): readonly (Value | null)[] {
  const x = inputs[0]!;
  const window = windowOf({ attrs }, attrs.kernel_shape as readonly number[]);
  if (int("count_include_pad", 0) === 1 && int("ceil_mode", 0) === 1) {
    refuse("with both count_include_pad and ceil_mode");
  }
  const size = spatialOf(x);
  const counts =
    int("count_include_pad", 0) === 1 ? [sizeOf(window.kernel)] : countUnder(window, size, spatialOf(dy));
  const shape = counts.length === 1 ? [] : [1, 1, ...spatialOf(dy)];
  const shares = g.mul(
    dy,
    g.constant(
      counts.map((count) => 1 / count),
      shape,
      x.dtype,
    ),
  );
  const channels = x.shape[1]!;
  const ones = g.expand(g.scalar(1, x.dtype), [channels, 1, ...window.kernel]);
  return [inputGradient(g, shares, ones, { window, groups: channels, size })];
}

/** Gradients of convolutions and poolings. */
export const convolutionRules: RuleTable = {
  Conv: ({ g, dy, inputs: [x, weight, bias], attrs, int }) => {
    const window = windowOf({ attrs }, spatialOf(weight!));
    const groups = int("group", 1);
    return [
      inputGradient(g, dy, weight!, { window, groups, size: spatialOf(x!) }),
      weightGradient(g, x!, dy, { window, groups }),
      ...(bias ? [perChannel(g, dy)] : []),
    ];
  },
  // The adjoint of a convolution from the output's side: its gradients are those of that convolution, exchanged.
  ConvTranspose: ({ g, dy, inputs: [x, weight, bias], attrs, int }) => {
    const window = windowOf({ attrs }, spatialOf(weight!));
    const groups = int("group", 1);
    const { strides, dilations, before, after } = window;
    const back = g.conv(dy, weight!, { strides, dilations, before, after, groups });
    // output_padding can leave room for one more window, which the input has no element for.
    const dx = spatialOf(x!).reduce(
      (part, length, i) => (part.shape[i + 2] === length ? part : g.slice(part, i + 2, 0, length)),
      back,
    );
    return [dx, weightGradient(g, dy, x!, { window, groups }), ...(bias ? [perChannel(g, dy)] : [])];
  },
  MaxPool: maxPoolRule,
  AveragePool: averagePoolRule,
};
