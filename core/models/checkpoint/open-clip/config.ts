import { join } from "node:path";
import { ConfigError } from "../../../errors.ts";
import { type ClipConfig, checkShape, layerCount } from "../clip-config.ts";
import { jsonCheck, readJson } from "../json-file.ts";
import type { Preprocessor } from "../preprocessor-config.ts";
import { type PreprocessJson, preprocessorOf, preprocessSchema } from "./preprocessing.ts";
import { refuseUnsupported } from "./supported.ts";

export const OPEN_CLIP_CONFIG = "open_clip_config.json";

interface TowerJson {
  readonly width?: number;
  readonly layers?: number;
  readonly mlp_ratio?: number;
  readonly norm_kwargs?: { readonly eps?: number } | null;
}

interface OpenClipJson {
  readonly model_cfg: {
    readonly embed_dim: number;
    readonly quick_gelu?: boolean;
    readonly vision_cfg: TowerJson & {
      readonly head_width?: number;
      readonly patch_size?: number | readonly number[];
      readonly image_size?: number | readonly number[];
    };
    readonly text_cfg: TowerJson & {
      readonly heads?: number;
      readonly context_length?: number;
      readonly vocab_size?: number;
    };
  };
  readonly preprocess_cfg?: PreprocessJson | null;
}

// What open_clip's CLIPVisionCfg and CLIPTextCfg take for a field that a config leaves out.
const VISION = { width: 768, layers: 12, head_width: 64, mlp_ratio: 4, patch_size: 16, image_size: 224 };
const TEXT = { width: 512, layers: 12, heads: 8, mlp_ratio: 4, context_length: 77, vocab_size: 49408 };
const EPS = 1e-5;

const count = { type: "integer", minimum: 1 };
const square = { anyOf: [count, { type: "array", items: count, minItems: 2, maxItems: 2 }] };
const tower = {
  width: count,
  layers: layerCount,
  mlp_ratio: { type: "number", exclusiveMinimum: 0 },
  norm_kwargs: {
    type: ["object", "null"],
    properties: { eps: { type: "number", exclusiveMinimum: 0 } },
    additionalProperties: false,
  },
};

const check = jsonCheck<OpenClipJson>({
  type: "object",
  required: ["model_cfg"],
  properties: {
    model_cfg: {
      type: "object",
      required: ["embed_dim", "vision_cfg", "text_cfg"],
      properties: {
        embed_dim: count,
        quick_gelu: { type: "boolean" },
        vision_cfg: {
          type: "object",
          properties: { ...tower, head_width: count, patch_size: square, image_size: square },
        },
        text_cfg: {
          type: "object",
          properties: { ...tower, heads: count, context_length: count, vocab_size: count },
        },
      },
    },
    preprocess_cfg: preprocessSchema,
  },
});

/**
 * Reads `open_clip_config.json`: model and preprocessing. Fields that are absent have open_clip's defaults.
 * @throws FileError, ConfigError naming the file and the JSON path, also for models of another architecture
 */
export async function readOpenClipConfig(
  folder: string,
): Promise<{ config: ClipConfig; preprocessor: Preprocessor }> {
  const file = join(folder, OPEN_CLIP_CONFIG);
  const json = await readJson(file);
  refuseUnsupported(file, json);
  const { model_cfg: model, preprocess_cfg: preprocess } = check(json, file);
  const vision = { ...VISION, ...model.vision_cfg };
  const text = { ...TEXT, ...model.text_cfg };
  const activation = model.quick_gelu ? "quick_gelu" : "gelu";
  const tower = (json: typeof vision | typeof text) => ({
    width: json.width,
    layers: json.layers,
    mlpWidth: Math.floor(json.width * json.mlp_ratio),
    activation,
    layerNormEps: json.norm_kwargs?.eps ?? EPS,
  });
  const side = (field: "patch_size" | "image_size"): number => {
    const size = vision[field];
    if (typeof size === "number") return size;
    if (size[0] === size[1]) return size[0]!;
    throw new ConfigError(`/model_cfg/vision_cfg/${field}`, `[${size}] is not square`, { source: file });
  };
  const config: ClipConfig = {
    projectionDim: model.embed_dim,
    vision: {
      ...tower(vision),
      // As open_clip rounds it; whether it divides the width is checked below.
      heads: Math.floor(vision.width / vision.head_width),
      patchSize: side("patch_size"),
      imageSize: side("image_size"),
      channels: 3,
    },
    text: {
      ...tower(text),
      heads: text.heads,
      vocabSize: text.vocab_size,
      contextLength: text.context_length,
      // The end token is the last of CLIP's vocabulary, which is what makes argmax pooling find it.
      eosTokenId: text.vocab_size - 1,
      pooling: "largest-id",
    },
  };
  checkShape(file, config, {
    visionHeads: "/model_cfg/vision_cfg/head_width",
    textHeads: "/model_cfg/text_cfg/heads",
    patchSize: "/model_cfg/vision_cfg/patch_size",
  });
  return { config, preprocessor: preprocessorOf(preprocess ?? {}, config.vision.imageSize) };
}
