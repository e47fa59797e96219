import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import type { ClipVisionConfig } from "./clip-config.ts";
import { jsonCheck, readJson } from "./json-file.ts";

/** How an image is resampled. */
export type Filter = "bilinear" | "bicubic";

/** How an image becomes the tower's input. */
export interface Preprocessor {
  readonly channels: 1 | 3;
  /** Side of the (square) input, in pixels. */
  readonly imageSize: number;
  /** The shortest side is scaled to this length, or the image to this height and width; undefined: not scaled. */
  readonly resize:
    | { readonly shortestEdge: number }
    | { readonly height: number; readonly width: number }
    | undefined;
  readonly filter: Filter;
  /** Square cut from the centre; undefined: not cut. */
  readonly crop: { readonly height: number; readonly width: number } | undefined;
  /** Factor on uint8 pixels before the mean is taken off: 1/255, or 1 when the config says not to rescale. */
  readonly rescale: number;
  /** One per channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

type SizeJson =
  | number
  | { readonly shortest_edge?: number; readonly height?: number; readonly width?: number };

interface PreprocessorJson {
  readonly do_resize?: boolean;
  readonly size?: SizeJson | null;
  readonly resample?: number | null;
  readonly do_center_crop?: boolean;
  readonly crop_size?: SizeJson | null;
  readonly do_rescale?: boolean;
  readonly rescale_factor?: number;
  readonly do_normalize?: boolean;
  readonly image_mean?: readonly number[] | null;
  readonly image_std?: readonly number[] | null;
}

/** CLIP's own normalisation (Radford et al., 2021), as transformers' CLIPImageProcessor has it by default. */
export const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073];
export const CLIP_STD = [0.26862954, 0.26130258, 0.27577711];

const pixels = { type: "integer", minimum: 1 };
const size = {
  anyOf: [
    { type: "null" },
    pixels,
    { type: "object", required: ["shortest_edge"], properties: { shortest_edge: pixels } },
    { type: "object", required: ["height", "width"], properties: { height: pixels, width: pixels } },
  ],
};
const perChannel = (item: object) => ({ type: ["array", "null"], minItems: 1, maxItems: 3, items: item });

const check = jsonCheck<PreprocessorJson>({
  type: "object",
  properties: {
    do_resize: { type: "boolean" },
    size,
    // Pillow's numbers: 2 bilinear, 3 bicubic.
    resample: { enum: [2, 3, null] },
    do_center_crop: { type: "boolean" },
    crop_size: size,
    do_rescale: { type: "boolean" },
    rescale_factor: { type: "number", exclusiveMinimum: 0 },
    do_normalize: { type: "boolean" },
    image_mean: perChannel({ type: "number" }),
    image_std: perChannel({ type: "number", exclusiveMinimum: 0 }),
  },
});

/**
 * Reads `preprocessor_config.json`; what it leaves out is as in transformers' CLIPImageProcessor.
 * @throws FileError, ConfigError naming the file and the JSON path, also when it does not yield the tower's input
 */
export async function readPreprocessor(folder: string, vision: ClipVisionConfig): Promise<Preprocessor> {
  const file = join(folder, "preprocessor_config.json");
  const json = check(await readJson(file), file);
  const { imageSize } = vision;
  const channels = vision.channels as 1 | 3;
  const resize = json.do_resize === false ? undefined : resizeOf(json.size ?? imageSize);
  const crop = json.do_center_crop === false ? undefined : cropOf(json.crop_size ?? imageSize);
  const normalize = json.do_normalize !== false;
  const stats = (name: "image_mean" | "image_std", own: readonly number[], neutral: number) => {
    const values = normalize ? (json[name] ?? own) : [neutral];
    if (values.length === channels) return values;
    if (values.length === 1) return Array.from({ length: channels }, () => values[0]!);
    throw new ConfigError(
      `/${name}`,
      `has ${values.length} values, but the tower takes ${channels} channel${channels === 1 ? "" : "s"}`,
      {
        source: file,
      },
    );
  };
  const out = crop ?? (resize && "height" in resize ? resize : undefined);
  if (out && (out.height !== imageSize || out.width !== imageSize)) {
    throw new ConfigError(
      crop ? "/crop_size" : "/size",
      `gives ${out.width}×${out.height} pixels, but config.json wants ${imageSize}×${imageSize}`,
      {
        source: file,
        hint: "make the two files agree",
      },
    );
  }
  return {
    channels,
    imageSize,
    resize,
    crop,
    filter: json.resample === 2 ? "bilinear" : "bicubic",
    rescale: json.do_rescale === false ? 1 : (json.rescale_factor ?? 1 / 255),
    mean: stats("image_mean", channels === 3 ? CLIP_MEAN : [0.5], 0),
    std: stats("image_std", channels === 3 ? CLIP_STD : [0.5], 1),
  };
}

const resizeOf = (size: SizeJson): Preprocessor["resize"] => {
  if (typeof size === "number") return { shortestEdge: size };
  return size.shortest_edge === undefined
    ? { height: size.height!, width: size.width! }
    : { shortestEdge: size.shortest_edge };
};

const cropOf = (size: SizeJson): { height: number; width: number } => {
  if (typeof size === "number") return { height: size, width: size };
  const side = size.shortest_edge;
  return { height: size.height ?? side!, width: size.width ?? side! };
};
