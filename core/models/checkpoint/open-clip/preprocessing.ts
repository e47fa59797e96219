import { CLIP_MEAN, CLIP_STD, type Preprocessor } from "../preprocessor-config.ts";

/** `preprocess_cfg` of open_clip_config.json. Its `size` counts for nothing: open_clip takes the model's. */
export interface PreprocessJson {
  readonly mean?: readonly number[] | null;
  readonly std?: readonly number[] | null;
  readonly interpolation?: "bicubic" | "bilinear" | null;
  readonly resize_mode?: "shortest" | "squash" | null;
}

const perChannel = (item: object) => ({ type: ["array", "null"], minItems: 3, maxItems: 3, items: item });

export const preprocessSchema = {
  type: ["object", "null"],
  properties: {
    mode: { enum: ["RGB", null] },
    mean: perChannel({ type: "number" }),
    std: perChannel({ type: "number", exclusiveMinimum: 0 }),
    interpolation: { enum: ["bicubic", "bilinear", null] },
    resize_mode: { enum: ["shortest", "squash", null] },
  },
};

/** The test transform that open_clip builds from the config; what it leaves out is as in open_clip's PreprocessCfg. */
export function preprocessorOf(
  { mean, std, interpolation, resize_mode: mode }: PreprocessJson,
  imageSize: number,
): Preprocessor {
  const square = { height: imageSize, width: imageSize };
  return {
    channels: 3,
    imageSize,
    resize: mode === "squash" ? square : { shortestEdge: imageSize },
    crop: square,
    filter: interpolation ?? "bicubic",
    rescale: 1 / 255,
    mean: mean ?? CLIP_MEAN,
    std: std ?? CLIP_STD,
  };
}
