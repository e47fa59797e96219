import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint } from "../../core/models/checkpoint/folder.ts";
import { type TensorToWrite, writeSafetensors } from "../../core/models/checkpoint/safetensors.ts";
import { makeTinyClip, type TinyClipOptions } from "./tiny-clip.ts";

const PARTS: Readonly<Record<string, string>> = {
  layer_norm1: "ln_1",
  layer_norm2: "ln_2",
  "self_attn.out_proj": "attn.out_proj",
  "mlp.fc1": "mlp.c_fc",
  "mlp.fc2": "mlp.c_proj",
};
const OTHERS: Readonly<Record<string, string>> = {
  logit_scale: "logit_scale",
  "vision_model.embeddings.class_embedding": "visual.class_embedding",
  "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
  "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
  "visual_projection.weight": "visual.proj",
  "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
  "text_model.embeddings.position_embedding.weight": "positional_embedding",
  "text_projection.weight": "text_projection",
};
const NORMS: Readonly<Record<string, string>> = {
  "vision_model.pre_layrnorm": "visual.ln_pre",
  "vision_model.post_layernorm": "visual.ln_post",
  "text_model.final_layer_norm": "ln_final",
};

/** The model of `makeTinyClip` (three channels), weights alike, as a folder in open_clip's layout. */
export async function makeTinyOpenClip(
  folder: string,
  options: Omit<TinyClipOptions, "channels"> = {},
): Promise<void> {
  await makeTinyClip(folder, options);
  const { config, weights } = await openCheckpoint(folder);
  const { dtype = "F32" } = options;
  const out: Record<string, TensorToWrite> = {};
  const fused = new Map<string, Float32Array[]>();
  for (const [name, { shape }] of [...weights.tensors].sort(byFusedOrder)) {
    const data = await weights.read(name);
    const [, tower, layer, part, end] =
      /^(vision|text)_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
    const block = `${tower === "vision" ? "visual." : ""}transformer.resblocks.${layer}`;
    if (part !== undefined && /[qkv]_proj$/.test(part)) {
      const target = `${block}.attn.in_proj_${end}`;
      fused.set(target, [...(fused.get(target) ?? []), data]);
      const [width, ...rest] = shape as [number, ...number[]];
      const parts = fused.get(target)!;
      if (parts.length === 3) out[target] = { dtype, shape: [3 * width, ...rest], data: concatenated(parts) };
    } else if (part !== undefined) {
      out[`${block}.${PARTS[part]}.${end}`] = { dtype, shape, data };
    } else if (name.endsWith("_projection.weight")) {
      out[OTHERS[name]!] = { dtype, shape: shape.toReversed(), data: transposed(data, shape) };
    } else {
      const module = name.replace(/\.(weight|bias)$/, "");
      out[OTHERS[name] ?? name.replace(module, NORMS[module]!)] = { dtype, shape, data };
    }
  }
  await writeSafetensors(join(folder, "open_clip_model.safetensors"), out);
  const { vision, text, projectionDim } = config;
  const tower = ({ width, layers }: { width: number; layers: number }) => ({ width, layers });
  const json = {
    model_cfg: {
      embed_dim: projectionDim,
      ...(vision.activation === "quick_gelu" ? { quick_gelu: true } : {}),
      vision_cfg: {
        ...tower(vision),
        head_width: vision.width / vision.heads,
        patch_size: vision.patchSize,
        image_size: vision.imageSize,
      },
      text_cfg: {
        ...tower(text),
        heads: text.heads,
        context_length: text.contextLength,
        vocab_size: text.vocabSize,
      },
    },
    preprocess_cfg: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  };
  await writeFile(join(folder, "open_clip_config.json"), JSON.stringify(json));
  for (const name of ["config.json", "preprocessor_config.json", "model.safetensors"])
    await rm(join(folder, name));
}

/** Queries before keys before values, the rest as it is. */
const byFusedOrder = ([a]: [string, unknown], [b]: [string, unknown]): number => rank(a) - rank(b);
const rank = (name: string): number =>
  1 + ["q", "k", "v"].findIndex((part) => name.includes(`.${part}_proj.`));

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const transposed = (data: Float32Array, shape: readonly number[]): Float32Array => {
  const [rows, columns] = shape as [number, number];
  return data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
};
