import { type Window, windowOf } from "../../ops/index.ts";
import type { Attrs } from "../../value.ts";
import type { AdaptedNode, AdapterTable } from "./adapter.ts";

/** Attributes with `auto_pad` as numbers. */
function explicit({ attrs, input, fail }: AdaptedNode, kernel: readonly number[]): Attrs {
  const { auto_pad: auto = "NOTSET", ...rest } = attrs;
  if (auto === "NOTSET") return rest;
  const { pads: _, ...open } = rest;
  if (auto === "VALID") return open;
  if (auto !== "SAME_UPPER" && auto !== "SAME_LOWER") return fail(`auto_pad ${auto} is not known`);
  const window = windowOf({ attrs: open }, kernel);
  const totals = kernel.map((_, axis) => samePadding(window, axis, input(0).shape[axis + 2]!));
  const [small, large] = [totals.map((n) => Math.floor(n / 2)), totals.map((n) => Math.ceil(n / 2))];
  return { ...open, pads: auto === "SAME_UPPER" ? [...small, ...large] : [...large, ...small] };
}

/** Padding with which there are ⌈size / stride⌉ windows. */
function samePadding({ kernel, strides, dilations }: Window, axis: number, size: number): number {
  const [stride, extent] = [strides[axis]!, (kernel[axis]! - 1) * dilations[axis]! + 1];
  return Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0);
}

const kernelOf = ({ attrs }: AdaptedNode): readonly number[] =>
  (attrs.kernel_shape as readonly number[] | undefined) ?? [];

const spatialAxes = ({ input }: AdaptedNode): number[] =>
  input(0)
    .shape.slice(2)
    .map((_, i) => i + 2);

export const windowAdapters: AdapterTable = {
  Conv: (node) => node.g.emit("Conv", node.inputs, explicit(node, node.input(1).shape.slice(2))),
  ConvTranspose: (node) => {
    const { output_shape: size, ...attrs } = node.attrs;
    if (size !== undefined || (attrs.auto_pad ?? "NOTSET") !== "NOTSET") {
      node.fail("its padding is not written as numbers", "export it with pads and output_padding");
    }
    return node.g.emit("ConvTranspose", node.inputs, attrs);
  },
  // The positions of the maxima are what the gradient needs.
  MaxPool: (node) =>
    node.g.emit("MaxPool", node.inputs, explicit(node, kernelOf(node)), 2).slice(0, node.outputs),
  AveragePool: (node) => node.g.emit("AveragePool", node.inputs, explicit(node, kernelOf(node))),
  GlobalAveragePool: (node) => [node.g.reduceMean(node.input(0), spatialAxes(node))],
  GlobalMaxPool: (node) => [node.g.reduceMax(node.input(0), spatialAxes(node))],
  DepthToSpace: ({ g, input, attrs, number }) => {
    const [batch, channels, height, width] = input(0).shape as [number, number, number, number];
    const block = number("blocksize", 1);
    const own = channels / block ** 2;
    const column = attrs.mode === "CRD";
    const split = g.reshape(
      input(0),
      column ? [batch, own, block, block, height, width] : [batch, block, block, own, height, width],
    );
    const moved = g.transpose(split, column ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
    return [g.reshape(moved, [batch, own, height * block, width * block])];
  },
};
