import type { Graph, Value } from "../../graph/index.ts";
import type { Preprocessor } from "../../models/checkpoint/folder.ts";

/** Axes of images that are taken as uint8: batch, height, width, channels, or batch, channels, height, width. */
export const LAYOUTS = ["nhwc", "nchw"] as const;
/** Axes of images that are taken as uint8. */
export type Layout = (typeof LAYOUTS)[number];

/** The model's input. */
export const INPUT = "pixel_values";

/**
 * The input `pixel_values`: normalised pixels, float32 [N, C, H, W]; with a layout, uint8 pixels of images that have
 * the model's size.
 */
export function pixelInput(
  g: Graph,
  batch: number,
  { channels, imageSize }: Preprocessor,
  layout?: Layout,
): Value {
  if (layout === undefined) return g.input(INPUT, "float32", [batch, channels, imageSize, imageSize]);
  return g.input(
    INPUT,
    "uint8",
    layout === "nhwc" ? [batch, imageSize, imageSize, channels] : [batch, channels, imageSize, imageSize],
  );
}

/** uint8 pixels → (v · rescale − mean) / std per channel, [N, C, H, W]; others are so already. */
export function normalised(
  g: Graph,
  pixels: Value,
  { channels, rescale, mean, std }: Preprocessor,
  layout?: Layout,
): Value {
  if (layout === undefined) return pixels;
  const floats = g.cast(pixels, "float32");
  const planes = layout === "nhwc" ? g.transpose(floats, [0, 3, 1, 2]) : floats;
  const perChannel = (values: readonly number[]) => g.constant([...values], [channels, 1, 1]);
  const factor = std.map((deviation) => rescale / deviation);
  const shift = mean.map((average, c) => -average / std[c]!);
  return g.add(g.mul(planes, perChannel(factor)), perChannel(shift));
}
