import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSafetensors } from "../../core/models/checkpoint/safetensors.ts";
import type { TextTowerShape } from "../../core/models/towers/index.ts";
import type { TrainState } from "../../core/training/train-step.ts";
import { pixelMean, pixelStd } from "./augment.ts";
import { testbedShape } from "./shape.ts";

/** Writes weights (float16) and configs in the Hugging Face layout of a CLIPModel; the tokenizer's files are there already. */
export async function writeClipFolder(
  folder: string,
  { params, shapes }: TrainState,
  text: TextTowerShape,
): Promise<void> {
  const tensors = [...params].map(
    ([name, data]) => [name, { dtype: "F16" as const, shape: [...shapes.get(name)!], data }] as const,
  );
  await writeSafetensors(join(folder, "model.safetensors"), Object.fromEntries(tensors), { format: "pt" });
  const json = (file: string, value: unknown) =>
    writeFile(join(folder, file), `${JSON.stringify(value, null, 2)}\n`);
  const { vision, projectionDim } = testbedShape;
  const tower = (shape: {
    width: number;
    layers: number;
    heads: number;
    mlpWidth: number;
    activation: string;
    layerNormEps: number;
  }) => ({
    hidden_size: shape.width,
    intermediate_size: shape.mlpWidth,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    hidden_act: shape.activation,
    layer_norm_eps: shape.layerNormEps,
    projection_dim: projectionDim,
  });
  await json("config.json", {
    architectures: ["CLIPModel"],
    model_type: "clip",
    projection_dim: projectionDim,
    logit_scale_init_value: 2.6592,
    torch_dtype: "float16",
    vision_config: {
      model_type: "clip_vision_model",
      ...tower(vision),
      image_size: vision.imageSize,
      patch_size: vision.patchSize,
      num_channels: vision.channels,
    },
    text_config: {
      model_type: "clip_text_model",
      ...tower(text),
      vocab_size: text.vocabSize,
      max_position_embeddings: text.contextLength,
      bos_token_id: text.vocabSize - 2,
      eos_token_id: text.vocabSize - 1,
      pad_token_id: text.vocabSize - 1,
    },
  });
  await json("preprocessor_config.json", {
    image_processor_type: "CLIPImageProcessor",
    do_resize: true,
    size: { shortest_edge: vision.imageSize },
    resample: 2,
    do_center_crop: true,
    crop_size: { height: vision.imageSize, width: vision.imageSize },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [pixelMean],
    image_std: [pixelStd],
    do_convert_rgb: false,
  });
}
