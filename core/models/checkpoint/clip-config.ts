import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import type { ImageTowerShape, TextTowerShape, TransformerShape } from "../towers/index.ts";
import { jsonCheck, readJson } from "./json-file.ts";

/** Sizes of the image tower, as the checkpoint's config has them. */
export type ClipVisionConfig = ImageTowerShape;

/** Sizes of the text tower, as the checkpoint's config has them. */
export interface ClipTextConfig extends TextTowerShape {
  readonly eosTokenId: number;
  /**
   * Which token's output is the text's feature: the first `eosTokenId`, or the largest id. Checkpoints from before
   * transformers 4.31 state the meaningless id 2 and mean the latter.
   */
  readonly pooling: "first-eos" | "largest-id";
}

/** Sizes of both towers. */
export interface ClipConfig {
  readonly vision: ClipVisionConfig;
  readonly text: ClipTextConfig;
  readonly projectionDim: number;
}

interface TowerJson {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_act: string;
  readonly layer_norm_eps: number;
}

interface TextJson extends TowerJson {
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly eos_token_id: number | null;
}

interface VisionJson extends TowerJson {
  readonly patch_size: number;
  readonly image_size: number;
  readonly num_channels: number;
}

interface ClipJson {
  readonly model_type: "clip";
  readonly projection_dim?: number;
  readonly text_config?: Partial<TextJson> | null;
  readonly vision_config?: Partial<VisionJson> | null;
  readonly text_config_dict?: Partial<TextJson> | null;
  readonly vision_config_dict?: Partial<VisionJson> | null;
}

// What transformers' CLIPTextConfig, CLIPVisionConfig and CLIPConfig take for a field that a config leaves out.
const TEXT_DEFAULTS: TextJson = {
  vocab_size: 49408,
  hidden_size: 512,
  intermediate_size: 2048,
  num_hidden_layers: 12,
  num_attention_heads: 8,
  max_position_embeddings: 77,
  hidden_act: "quick_gelu",
  layer_norm_eps: 1e-5,
  eos_token_id: 49407,
};
const VISION_DEFAULTS: VisionJson = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  num_channels: 3,
  image_size: 224,
  patch_size: 32,
  hidden_act: "quick_gelu",
  layer_norm_eps: 1e-5,
};
const PROJECTION_DIM = 512;
const LEGACY_EOS = 2;

const count = { type: "integer", minimum: 1 };
/** Bounded, because every layer's tensors are listed before the weights are looked at. */
export const layerCount = { type: "integer", minimum: 1, maximum: 1000 };
const tower = {
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  hidden_act: { type: "string" },
  layer_norm_eps: { type: "number", exclusiveMinimum: 0 },
};
const text = {
  type: ["object", "null"],
  properties: {
    ...tower,
    vocab_size: count,
    max_position_embeddings: count,
    eos_token_id: { type: ["integer", "null"], minimum: 0 },
  },
};
const vision = {
  type: ["object", "null"],
  properties: { ...tower, patch_size: count, image_size: count, num_channels: { enum: [1, 3] } },
};

const check = jsonCheck<ClipJson>({
  type: "object",
  required: ["model_type"],
  properties: {
    model_type: { const: "clip" },
    projection_dim: count,
    text_config: text,
    vision_config: vision,
    text_config_dict: text,
    vision_config_dict: vision,
  },
});

/**
 * Reads `config.json` of a Hugging Face CLIPModel. Fields that are absent have transformers' defaults.
 * @throws FileError, ConfigError naming the file and the JSON path
 */
export async function readClipConfig(folder: string): Promise<ClipConfig> {
  const file = join(folder, "config.json");
  const json = check(await readJson(file), file);
  // `…_config_dict` is what old checkpoints were made from; where it is given, it counts (as in transformers).
  const text = { ...TEXT_DEFAULTS, ...(json.text_config_dict ?? json.text_config) };
  const vision = { ...VISION_DEFAULTS, ...(json.vision_config_dict ?? json.vision_config) };
  const eos = text.eos_token_id ?? LEGACY_EOS;
  const config: ClipConfig = {
    projectionDim: json.projection_dim ?? PROJECTION_DIM,
    vision: {
      ...transformer(vision),
      patchSize: vision.patch_size,
      imageSize: vision.image_size,
      channels: vision.num_channels,
    },
    text: {
      ...transformer(text),
      vocabSize: text.vocab_size,
      contextLength: text.max_position_embeddings,
      eosTokenId: eos,
      pooling: eos === LEGACY_EOS ? "largest-id" : "first-eos",
    },
  };
  checkShape(file, config, {
    visionHeads: "/vision_config/num_attention_heads",
    textHeads: "/text_config/num_attention_heads",
    patchSize: "/vision_config/patch_size",
  });
  return config;
}

const transformer = (json: TowerJson): TransformerShape => ({
  width: json.hidden_size,
  layers: json.num_hidden_layers,
  heads: json.num_attention_heads,
  mlpWidth: json.intermediate_size,
  activation: json.hidden_act,
  layerNormEps: json.layer_norm_eps,
});

/**
 * Heads that divide the width, patches that divide the image.
 * @param paths where the config says so
 * @throws ConfigError
 */
export function checkShape(
  file: string,
  { vision, text }: ClipConfig,
  paths: { readonly visionHeads: string; readonly textHeads: string; readonly patchSize: string },
): void {
  for (const [path, { width, heads }] of [
    [paths.textHeads, text],
    [paths.visionHeads, vision],
  ] as const) {
    if (heads < 1 || width % heads !== 0) {
      throw new ConfigError(path, `${heads} heads do not divide the width ${width} evenly`, { source: file });
    }
  }
  const { imageSize, patchSize } = vision;
  if (imageSize % patchSize !== 0) {
    throw new ConfigError(
      paths.patchSize,
      `patches of ${patchSize} do not divide images of ${imageSize} pixels evenly`,
      { source: file },
    );
  }
}
