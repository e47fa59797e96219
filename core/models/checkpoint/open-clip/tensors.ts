import type { ClipConfig } from "../clip-config.ts";
import { expectedTensors } from "../expected-tensors.ts";

/** Where open_clip keeps a tensor of Hugging Face's layout. */
export interface Place {
  readonly stored: string;
  /** Which third of the stored tensor's rows. */
  readonly third?: 0 | 1 | 2;
  /** The stored tensor is the transpose. */
  readonly transposed?: true;
}

const VISION: Readonly<Record<string, string>> = {
  "vision_model.embeddings.class_embedding": "visual.class_embedding",
  "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
  "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
  "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
  "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
  "vision_model.post_layernorm.weight": "visual.ln_post.weight",
  "vision_model.post_layernorm.bias": "visual.ln_post.bias",
  "visual_projection.weight": "visual.proj",
  logit_scale: "logit_scale",
};
const TEXT: Readonly<Record<string, string>> = {
  "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
  "text_model.embeddings.position_embedding.weight": "positional_embedding",
  "text_model.final_layer_norm.weight": "ln_final.weight",
  "text_model.final_layer_norm.bias": "ln_final.bias",
  "text_projection.weight": "text_projection",
};
const BLOCK: Readonly<Record<string, string>> = {
  layer_norm1: "ln_1",
  layer_norm2: "ln_2",
  "self_attn.out_proj": "attn.out_proj",
  "mlp.fc1": "mlp.c_fc",
  "mlp.fc2": "mlp.c_proj",
};
/** Their order in the fused matrix of torch's MultiheadAttention. */
const FUSED = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];
const IN_BLOCK = /^(vision|text)_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$/;

/** @param textPrefix "text." where the text tower is a module of its own, else "" */
export function placeOf(name: string, textPrefix: string): Place {
  const transposed = name.endsWith("_projection.weight") ? ({ transposed: true } as const) : {};
  if (Object.hasOwn(VISION, name)) return { stored: VISION[name]!, ...transposed };
  if (Object.hasOwn(TEXT, name)) return { stored: textPrefix + TEXT[name]!, ...transposed };
  const [, tower, layer, module, part] = IN_BLOCK.exec(name) ?? [];
  // A name that is not in the layout stays: the weights will say that they do not have it.
  if (module === undefined) return { stored: name };
  const block = `${tower === "vision" ? "visual." : textPrefix}transformer.resblocks.${layer}`;
  const third = FUSED.indexOf(module);
  return third < 0
    ? { stored: `${block}.${BLOCK[module]}.${part}` }
    : { stored: `${block}.attn.in_proj_${part}`, third: third as 0 | 1 | 2 };
}

/** Names and shapes of the tensors that open_clip's model with this config has. */
export function tensorsOf(config: ClipConfig, textPrefix: string): Map<string, readonly number[]> {
  const out = new Map<string, readonly number[]>();
  for (const [name, shape] of expectedTensors(config)) {
    const { stored, third, transposed } = placeOf(name, textPrefix);
    const [rows, ...rest] = shape as [number, ...number[]];
    out.set(stored, transposed ? shape.toReversed() : third === undefined ? shape : [3 * rows, ...rest]);
  }
  return out;
}
