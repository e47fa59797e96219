import { ConfigError } from "../../../errors.ts";
import { showJson } from "../json-file.ts";

/** What a field may say: anything, or one of these values (absent, null, false, "" and {} always may). */
type Accepted = "any" | readonly unknown[];

const ANY = (names: string): Record<string, Accepted> =>
  Object.fromEntries(names.split(" ").map((name) => [name, "any"]));

/** Blocks that differ from the plain one: only their absence is supported. */
const BLOCK: Readonly<Record<string, Accepted>> = {
  ls_init_value: [],
  act_kwargs: [],
  block_type: ["default"],
  qk_norm: [],
  scaled_cosine_attn: [],
  scale_heads: [],
  scale_attn_inner: [],
  scale_attn: [],
  scale_fc: [],
};

// Of the fields that change nothing: dropout acts in training only; a LayerNorm after pooling one token is the one
// before it; what the tokens look like beside the pooled one is not read; and the fields of other architectures count
// only where those are chosen.
const VISION: Readonly<Record<string, Accepted>> = {
  ...ANY("layers width head_width mlp_ratio patch_size image_size norm_kwargs patch_dropout"),
  ...ANY("final_ln_after_pool output_tokens image_seq_len attn_pooler_queries attn_pooler_heads n_queries"),
  ...ANY(
    "timm_model_pretrained timm_pool timm_proj timm_proj_bias timm_drop timm_drop_path timm_model_kwargs",
  ),
  ...BLOCK,
  timm_model_name: [],
  attentional_pool: [],
  global_average_pool: [],
  input_patchnorm: [],
  no_ln_pre: [],
  pos_embed_type: ["learnable"],
  pool_type: ["tok"],
};
const TEXT: Readonly<Record<string, Accepted>> = {
  ...ANY(
    "context_length vocab_size width heads layers mlp_ratio norm_kwargs final_ln_after_pool output_tokens",
  ),
  ...ANY(
    "hf_tokenizer_name tokenizer_mode tokenizer_type tokenizer_kwargs tiktoken_name pad_id bos_id eos_id",
  ),
  ...ANY("hf_model_pretrained hf_proj_type hf_pooler_type hf_model_config variable_text"),
  ...BLOCK,
  hf_model_name: [],
  text_arch: ["clip"],
  embed_cls: [],
  no_causal_mask: [],
  pool_type: ["argmax"],
  proj_type: ["linear"],
  proj_bias: [],
};
const MODEL: Readonly<Record<string, Accepted>> = {
  ...ANY("embed_dim vision_cfg text_cfg quick_gelu init_logit_scale nonscalar_logit_scale custom_text"),
  ...ANY("cast_dtype output_dict"),
  init_logit_bias: [],
  multimodal_cfg: [],
};

const HINT =
  "supported are open_clip's plain models: a ViT image tower with a class token, a causal text transformer (ViT-B-32, ViT-B-16, ViT-L-14, …)";

const isOff = (value: unknown): boolean =>
  value === null ||
  value === false ||
  value === "" ||
  (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0);

/**
 * Refuses what would make another model than the towers compute: a field that is ignored gives wrong features silently.
 * @throws ConfigError naming the field
 */
export function refuseUnsupported(file: string, json: unknown): void {
  const { model_cfg: model } = (json ?? {}) as { model_cfg?: { vision_cfg?: unknown; text_cfg?: unknown } };
  refuseIn(file, "/model_cfg", model, MODEL);
  refuseIn(file, "/model_cfg/vision_cfg", model?.vision_cfg, VISION);
  refuseIn(file, "/model_cfg/text_cfg", model?.text_cfg, TEXT);
  const { layers } = (model?.vision_cfg ?? {}) as { layers?: unknown };
  if (Array.isArray(layers)) {
    throw new ConfigError(
      "/model_cfg/vision_cfg/layers",
      `${showJson(layers)} are the stages of a ResNet, which is not supported`,
      { source: file, hint: HINT },
    );
  }
}

function refuseIn(
  file: string,
  path: string,
  fields: unknown,
  known: Readonly<Record<string, Accepted>>,
): void {
  // Anything else than an object is for the schema to refuse.
  if (typeof fields !== "object" || fields === null) return;
  for (const [name, value] of Object.entries(fields)) {
    const accepted = Object.hasOwn(known, name) ? known[name]! : undefined;
    if (accepted === "any" || isOff(value) || accepted?.includes(value)) continue;
    const shown = showJson(value);
    throw new ConfigError(
      `${path}/${name}`,
      accepted === undefined
        ? `is a field that is not known here and may change the model; it is ${shown}`
        : `${shown} is not supported`,
      { source: file, hint: HINT },
    );
  }
}
