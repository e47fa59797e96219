import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SafetensorsDType } from "../../core/models/checkpoint/safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../core/models/checkpoint/safetensors.ts";
import { trainBpe, writeTokenizer } from "../../core/models/tokenizer/index.ts";
import { normalFrom, uniformFrom } from "../../core/training/random.ts";

export interface TinyClipOptions {
  readonly visionWidth?: number;
  readonly textWidth?: number;
  readonly heads?: number;
  readonly layers?: number;
  readonly patch?: number;
  readonly imageSize?: number;
  readonly channels?: 1 | 3;
  readonly contextLength?: number;
  readonly projectionDim?: number;
  readonly activation?: string;
  readonly dtype?: Extract<SafetensorsDType, "F32" | "F16" | "BF16">;
  readonly seed?: number;
  /** What the tokenizer learns from. */
  readonly texts?: readonly string[];
}

const TEXTS = ["a photo of a cat.", "a photo of a dog.", "a photo of an arrow.", "a drawing of a house."];

/** Writes a small CLIP with random weights as a complete Hugging Face folder; equal options give equal files. */
export async function makeTinyClip(folder: string, options: TinyClipOptions = {}): Promise<void> {
  const {
    visionWidth = 16,
    textWidth = 12,
    heads = 2,
    layers = 2,
    patch = 4,
    imageSize = 8,
    channels = 3,
  } = options;
  const {
    contextLength = 16,
    projectionDim = 8,
    activation = "quick_gelu",
    dtype = "F32",
    seed = 0,
  } = options;
  await mkdir(folder, { recursive: true });
  const vocabulary = trainBpe(options.texts ?? TEXTS, 540);
  await writeTokenizer(folder, vocabulary, contextLength);
  const vocabSize = Object.keys(vocabulary.vocab).length;

  const tensors: Record<string, TensorToWrite> = {};
  const normal = normalFrom(uniformFrom("tiny-clip", seed));
  const add = (name: string, shape: readonly number[], std: number, mean = 0) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    tensors[name] = { shape, dtype, data: Float32Array.from({ length: size }, () => mean + std * normal()) };
  };
  const norm = (name: string, width: number) => {
    add(`${name}.weight`, [width], 0.2, 1);
    add(`${name}.bias`, [width], 0.2);
  };
  const dense = (name: string, outputs: number, inputs: number) => {
    add(`${name}.weight`, [outputs, inputs], 1 / Math.sqrt(inputs));
    add(`${name}.bias`, [outputs], 0.2);
  };
  const encoder = (model: string, width: number) => {
    for (let layer = 0; layer < layers; layer++) {
      const block = `${model}.encoder.layers.${layer}`;
      norm(`${block}.layer_norm1`, width);
      norm(`${block}.layer_norm2`, width);
      for (const part of ["q_proj", "k_proj", "v_proj", "out_proj"])
        dense(`${block}.self_attn.${part}`, width, width);
      dense(`${block}.mlp.fc1`, 4 * width, width);
      dense(`${block}.mlp.fc2`, width, 4 * width);
    }
  };
  add("vision_model.embeddings.class_embedding", [visionWidth], 0.5);
  add("vision_model.embeddings.patch_embedding.weight", [visionWidth, channels, patch, patch], 0.2);
  add("vision_model.embeddings.position_embedding.weight", [(imageSize / patch) ** 2 + 1, visionWidth], 0.5);
  norm("vision_model.pre_layrnorm", visionWidth);
  encoder("vision_model", visionWidth);
  norm("vision_model.post_layernorm", visionWidth);
  add("text_model.embeddings.token_embedding.weight", [vocabSize, textWidth], 0.5);
  add("text_model.embeddings.position_embedding.weight", [contextLength, textWidth], 0.5);
  encoder("text_model", textWidth);
  norm("text_model.final_layer_norm", textWidth);
  add("visual_projection.weight", [projectionDim, visionWidth], 1 / Math.sqrt(visionWidth));
  add("text_projection.weight", [projectionDim, textWidth], 1 / Math.sqrt(textWidth));
  tensors.logit_scale = { shape: [], dtype, data: Float32Array.of(2.6592) };
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });

  const json = (name: string, value: unknown) =>
    writeFile(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
  const tower = (width: number) => ({
    hidden_size: width,
    intermediate_size: 4 * width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    hidden_act: activation,
    projection_dim: projectionDim,
  });
  await json("config.json", {
    architectures: ["CLIPModel"],
    model_type: "clip",
    projection_dim: projectionDim,
    vision_config: {
      ...tower(visionWidth),
      image_size: imageSize,
      patch_size: patch,
      num_channels: channels,
    },
    text_config: {
      ...tower(textWidth),
      vocab_size: vocabSize,
      max_position_embeddings: contextLength,
      bos_token_id: vocabSize - 2,
      eos_token_id: vocabSize - 1,
      pad_token_id: vocabSize - 1,
    },
  });
  await json("preprocessor_config.json", {
    image_processor_type: "CLIPImageProcessor",
    size: { shortest_edge: imageSize },
    crop_size: { height: imageSize, width: imageSize },
    resample: 3,
    image_mean: [0.48145466, 0.4578275, 0.40821073].slice(0, channels),
    image_std: [0.26862954, 0.26130258, 0.27577711].slice(0, channels),
    do_convert_rgb: channels === 3,
  });
}
