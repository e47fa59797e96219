import { type Attrs, sizeOf } from "../value.ts";
import { type InferContext, intAttr, intsAttr, type OpTable, sameDType } from "./define.ts";

/** The sliding window of a convolution or a pooling, one number per spatial axis (pads: before and after). */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The window that attributes describe, with ONNX's defaults. */
export function windowOf({ attrs }: { readonly attrs: Attrs }, kernel: readonly number[]): Window {
  const ones = kernel.map(() => 1);
  const pads = intsAttr(attrs, "pads") ?? [...kernel, ...kernel].map(() => 0);
  return {
    kernel,
    strides: intsAttr(attrs, "strides") ?? ones,
    dilations: intsAttr(attrs, "dilations") ?? ones,
    before: pads.slice(0, kernel.length),
    after: pads.slice(kernel.length),
  };
}

/** Elements that the window covers along an axis. */
const extent = ({ kernel, dilations }: Window, axis: number): number =>
  (kernel[axis]! - 1) * dilations[axis]! + 1;

/** Checks that there is one number per axis, and that what is padded away is said by numbers. */
function checkWindow(context: InferContext, window: Window, spatial: readonly number[]): void {
  const { attrs, fail } = context;
  if (spatial.length === 0) fail("needs [batch, channels, …]");
  if (typeof attrs.auto_pad === "string" && attrs.auto_pad !== "NOTSET" && attrs.auto_pad !== "VALID") {
    fail(`auto_pad ${attrs.auto_pad} must be written as pads`);
  }
  for (const list of Object.values(window) as (readonly number[])[]) {
    if (list.length !== spatial.length)
      fail(`needs ${spatial.length} numbers per attribute, got ${list.length}`);
  }
}

function slide(context: InferContext, window: Window, spatial: readonly number[]): number[] {
  checkWindow(context, window, spatial);
  const ceil = intAttr(context.attrs, "ceil_mode", 0) === 1;
  return spatial.map((size, axis) => {
    const { strides, before, after } = window;
    const room = size + before[axis]! + after[axis]! - extent(window, axis);
    if (room < 0) context.fail(`the window is larger than axis ${axis + 2} of size ${size}`);
    const steps = room / strides[axis]!;
    const out = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A window that would begin in the padding behind the input is left out.
    return ceil && (out - 1) * strides[axis]! >= size + before[axis]! ? out - 1 : out;
  });
}

const windowAttrs = {
  auto_pad: "string",
  dilations: "ints",
  kernel_shape: "ints",
  pads: "ints",
  strides: "ints",
} as const;

function checkBias(context: InferContext, channels: number): void {
  const bias = context.inputs[2];
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== channels)) {
    context.fail(`the bias must have shape [${channels}]`);
  }
}

const poolAttrs = { ...windowAttrs, ceil_mode: "int" } as const;

function pooled(context: InferContext) {
  const { dtype, shape } = context.input(0);
  const kernel = intsAttr(context.attrs, "kernel_shape") ?? context.fail("needs kernel_shape");
  return {
    dtype,
    shape: [...shape.slice(0, 2), ...slide(context, windowOf(context, kernel), shape.slice(2))],
  };
}

/** Convolutions and poolings over [batch, channels, …spatial]. */
export const convolutionOps: OpTable = {
  Conv: {
    attrs: { ...windowAttrs, group: "int" },
    infer(context) {
      const [x, weight] = [context.input(0), context.input(1)];
      const dtype = sameDType(context, [0, 1]);
      const groups = intAttr(context.attrs, "group", 1);
      const [out, inner] = weight.shape;
      if (weight.shape.length !== x.shape.length) context.fail("input and weight need the same rank");
      if (x.shape[1] !== inner! * groups) {
        context.fail(`the weight is for ${inner! * groups} channels, the input has ${x.shape[1]}`);
      }
      if (out! % groups !== 0) context.fail(`${out} output channels do not divide into ${groups} groups`);
      checkBias(context, out!);
      const window = windowOf(context, weight.shape.slice(2));
      return [{ dtype, shape: [x.shape[0]!, out!, ...slide(context, window, x.shape.slice(2))] }];
    },
  },
  ConvTranspose: {
    attrs: { ...windowAttrs, group: "int", output_padding: "ints" },
    infer(context) {
      const [x, weight] = [context.input(0), context.input(1)];
      const dtype = sameDType(context, [0, 1]);
      if (weight.shape.length !== x.shape.length) context.fail("input and weight need the same rank");
      if (x.shape[1] !== weight.shape[0]) {
        context.fail(`the weight is for ${weight.shape[0]} channels, the input has ${x.shape[1]}`);
      }
      const channels = weight.shape[1]! * intAttr(context.attrs, "group", 1);
      checkBias(context, channels);
      const window = windowOf(context, weight.shape.slice(2));
      const spatial = x.shape.slice(2);
      checkWindow(context, window, spatial);
      const extra = intsAttr(context.attrs, "output_padding") ?? spatial.map(() => 0);
      const { strides, before, after } = window;
      const out = spatial.map(
        (size, i) => strides[i]! * (size - 1) + extra[i]! + extent(window, i) - before[i]! - after[i]!,
      );
      return [{ dtype, shape: [x.shape[0]!, channels, ...out] }];
    },
  },
  /** The second output holds where each maximum was, counted over the whole input. */
  MaxPool: {
    attrs: { ...poolAttrs, storage_order: "int" },
    infer(context) {
      const out = pooled(context);
      if (sizeOf(out.shape) === 0) context.fail("the result is empty");
      return [out, { dtype: "int64" as const, shape: out.shape }].slice(0, context.outputs);
    },
  },
  AveragePool: {
    attrs: { ...poolAttrs, count_include_pad: "int" },
    infer: (context) => [pooled(context)],
  },
};
