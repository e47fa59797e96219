import type { GraphCore } from "../graph-core.ts";
import type { Window } from "../ops/index.ts";
import type { Attrs, Value } from "../value.ts";

/** A window as far as it differs from one step, no gaps and no padding. */
export type PartialWindow = Partial<Omit<Window, "kernel">>;

function windowAttrs(spatial: number, { strides, dilations, before, after }: PartialWindow): Attrs {
  const zeros = Array<number>(spatial).fill(0);
  return {
    ...(strides === undefined ? {} : { strides }),
    ...(dilations === undefined ? {} : { dilations }),
    ...(before === undefined && after === undefined
      ? {}
      : { pads: [...(before ?? zeros), ...(after ?? zeros)] }),
  };
}

/** Convolutions and poolings over [batch, channels, …spatial]; float32 only, as onnxruntime has them. */
export function convolution(core: GraphCore) {
  const withBias = (inputs: readonly Value[], bias: Value | undefined) =>
    bias === undefined ? inputs : [...inputs, bias];
  return {
    /** x [B, in, …], weight [out, in / groups, …kernel], bias [out]. */
    conv: (x: Value, weight: Value, options: PartialWindow & { bias?: Value; groups?: number } = {}): Value =>
      core.emit("Conv", withBias([x, weight], options.bias), {
        ...windowAttrs(x.shape.length - 2, options),
        group: options.groups ?? 1,
      })[0]!,
    /** The adjoint of conv: x [B, in, …], weight [in, out / groups, …kernel]; `extra` elements at the end of each axis. */
    convTranspose: (
      x: Value,
      weight: Value,
      options: PartialWindow & { bias?: Value; groups?: number; extra?: readonly number[] } = {},
    ): Value =>
      core.emit("ConvTranspose", withBias([x, weight], options.bias), {
        ...windowAttrs(x.shape.length - 2, options),
        group: options.groups ?? 1,
        ...(options.extra === undefined ? {} : { output_padding: options.extra }),
      })[0]!,
    /** The largest in each window: x [B, channels, …]; float32. */
    maxPool: (x: Value, kernel: readonly number[], options: PartialWindow = {}): Value =>
      core.emit("MaxPool", [x], { kernel_shape: kernel, ...windowAttrs(kernel.length, options) }, 2)[0]!,
    /** Padding counts as zeros only if `countPadding`. */
    averagePool: (
      x: Value,
      kernel: readonly number[],
      options: PartialWindow & { countPadding?: boolean } = {},
    ): Value =>
      core.emit("AveragePool", [x], {
        kernel_shape: kernel,
        count_include_pad: Number(options.countPadding ?? false),
        ...windowAttrs(kernel.length, options),
      })[0]!,
  };
}
