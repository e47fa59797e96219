import type { Graph } from "../../graph.ts";
import { sizeOf, type Value } from "../../value.ts";
import { type AdaptedNode, type AdapterTable, axisOf } from "./adapter.ts";

/** [C] against [B, C, …]. */
const perChannel = (g: Graph, x: Value, value: Value): Value =>
  g.reshape(value, [value.shape[0]!, ...x.shape.slice(2).map(() => 1)]);

/** Before version 13 these worked on the axes from `axis` on, taken together. */
function softmax(node: AdaptedNode): readonly Value[] | undefined {
  const { g, op, opset, input, number } = node;
  if (opset >= 13) return undefined;
  const x = input(0);
  const axis = axisOf(number("axis", 1), x.shape.length);
  const rows = sizeOf(x.shape.slice(0, axis));
  const flat = g.reshape(x, [rows, sizeOf(x.shape) / rows]);
  return [g.reshape(g.emit(op, [flat], { axis: 1 })[0]!, x.shape)];
}

/** Axes are an input since version 13 (ReduceSum) and 18 (the rest). */
function reduction(then: (g: Graph, x: Value, reduce: (x: Value) => Value) => Value, op?: string) {
  return (node: AdaptedNode): readonly Value[] => {
    const { g, input, ints, number } = node;
    const axes = ints(1, "axes") ?? [];
    if (axes.length === 0 && number("noop_with_empty_axes", 0) === 1) return [input(0)];
    const list = axes.length === 0 ? [...input(0).shape.keys()] : axes;
    const keepdims = number("keepdims", 1);
    const reduce = (x: Value): Value =>
      list.length === 0
        ? x
        : g.emit(op ?? node.op, [x, g.constant(list, [list.length], "int64")], { keepdims })[0]!;
    return [then(g, input(0), reduce)];
  };
}

const plain = reduction((_, x, reduce) => reduce(x));

export const normalisationAdapters: AdapterTable = {
  Softmax: softmax,
  LogSoftmax: softmax,
  ReduceSum: plain,
  ReduceMean: plain,
  ReduceMax: plain,
  ReduceMin: plain,
  ReduceLogSumExp: plain,
  ReduceL1: reduction((g, x, reduce) => reduce(g.abs(x)), "ReduceSum"),
  ReduceL2: reduction((g, x, reduce) => g.sqrt(reduce(g.mul(x, x))), "ReduceSum"),
  ReduceSumSquare: reduction((g, x, reduce) => reduce(g.mul(x, x)), "ReduceSum"),
  ReduceLogSum: reduction((g, x, reduce) => g.log(reduce(x)), "ReduceSum"),
  // With the statistics that the file holds: (x − mean) / √(variance + ε) · scale + bias as one factor and one sum.
  BatchNormalization: ({ g, input, number, fail }) => {
    if (number("training_mode", 0) === 1) {
      fail("it is in training mode", "export the model in evaluation mode: its stored statistics are used");
    }
    const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map(input) as [
      Value,
      Value,
      Value,
      Value,
      Value,
    ];
    const factor = g.div(scale, g.sqrt(g.add(variance, number("epsilon", 1e-5))));
    const shift = g.sub(bias, g.mul(mean, factor));
    return [g.add(g.mul(x, perChannel(g, x, factor)), perChannel(g, x, shift))];
  },
  InstanceNormalization: ({ g, input, number }) => {
    const [x, scale, bias] = [input(0), input(1), input(2)];
    const axes = x.shape.slice(2).map((_, i) => i + 2);
    const centred = g.sub(x, g.reduceMean(x, axes));
    const variance = g.reduceMean(g.mul(centred, centred), axes);
    const normal = g.div(centred, g.sqrt(g.add(variance, number("epsilon", 1e-5))));
    return [g.add(g.mul(normal, perChannel(g, x, scale)), perChannel(g, x, bias))];
  },
};
