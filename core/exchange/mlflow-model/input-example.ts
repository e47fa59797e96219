import type { Preprocessor } from "../../models/checkpoint/folder.ts";
import type { TensorSpec } from "../onnx/tensor-spec.ts";

type Nested = number | readonly Nested[];

/** One image as the model's input: a ramp from black to white, left to right; numbers short, since they become JSON. */
export function inputExample({ dtype, shape }: TensorSpec, { rescale, mean, std }: Preprocessor): Nested {
  // Images are square, so that the channels are the axis of another size; where all are equal, the order is N, C, H, W.
  const channels = shape[1] === mean.length ? 1 : 3;
  const width = channels === 1 ? 3 : 2;
  const value = (index: readonly number[]): number => {
    const grey = Math.round((255 * index[width]!) / Math.max(1, shape[width]! - 1));
    if (dtype === "uint8") return grey;
    const c = index[channels]!;
    return Math.round((100 * (grey * rescale - mean[c]!)) / std[c]!) / 100;
  };
  const build = (index: readonly number[]): Nested =>
    index.length === shape.length
      ? value(index)
      : Array.from({ length: Math.max(1, shape[index.length]!) }, (_, i) => build([...index, i]));
  return build([]);
}
