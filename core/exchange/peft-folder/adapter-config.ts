import { ConfigError } from "../../errors.ts";
import { jsonCheck, readJson, showJson } from "../../models/checkpoint/json-file.ts";

/** What is read of `adapter_config.json`; everything else must have its neutral value. */
export interface AdapterConfig {
  readonly peft_type: string;
  readonly base_model_name_or_path?: string | null;
  readonly revision?: string | null;
  readonly target_modules?: string | readonly string[] | null;
  readonly exclude_modules?: string | readonly string[] | null;
  readonly layers_to_transform?: number | readonly number[] | null;
  readonly r?: number;
  readonly lora_alpha?: number;
  readonly use_rslora?: boolean;
}

const nameOrNames = { type: ["string", "array", "null"], items: { type: "string" } };
const nullable = { type: ["string", "null"] };

const check = jsonCheck<AdapterConfig>({
  type: "object",
  required: ["peft_type"],
  properties: {
    peft_type: { type: "string" },
    base_model_name_or_path: nullable,
    revision: nullable,
    target_modules: nameOrNames,
    exclude_modules: nameOrNames,
    layers_to_transform: { type: ["integer", "array", "null"], items: { type: "integer", minimum: 0 } },
    r: { type: "integer", minimum: 1 },
    lora_alpha: { type: "number" },
    use_rslora: { type: "boolean" },
  },
});

/** Fields that are read, or that say nothing about what the adapter computes. */
const HARMLESS = new Set([
  ...["peft_type", "base_model_name_or_path", "revision", "target_modules", "exclude_modules"],
  ...["layers_to_transform", "layers_pattern", "r", "lora_alpha", "use_rslora"],
  ...["auto_mapping", "inference_mode", "peft_version", "task_type", "lora_dropout"],
  ...["megatron_core", "qalora_group_size", "runtime_config", "ensure_weight_tying", "loftq_config"],
  // How the first matrices were drawn, from the data or at random; they are in the file.
  ...["eva_config", "lora_ga_config"],
]);

/** Values beside null, false and empty ones that change nothing. */
const NEUTRAL = new Map<string, readonly unknown[]>(
  Object.entries({
    bias: ["none"],
    // Ways to start that leave the base model's weights as they are.
    init_lora_weights: [true, "gaussian", "orthogonal", "eva"],
  }),
);

const WHY = new Map(
  Object.entries({
    use_dora: "DoRA also learns the magnitude of the weights",
    rank_pattern: "layers of different rank",
    alpha_pattern: "layers of different scaling",
    modules_to_save: "modules trained beside the adapter",
    bias: "biases trained beside the adapter",
    lora_bias: "a bias in the update",
    fan_in_fan_out: "weights stored the other way round",
    layer_replication: "layers used several times",
  }),
);

/**
 * Reads `adapter_config.json`. A field that changes what the adapter computes and is not supported is refused, one
 * that is unknown too, unless it is null, false or empty.
 * @throws FileError, ConfigError naming the field
 */
export async function readAdapterConfig(file: string): Promise<AdapterConfig> {
  const json = await readJson(file);
  const config = check(json, file);
  for (const [field, value] of Object.entries(json as Record<string, unknown>)) {
    if (HARMLESS.has(field) || isEmpty(value) || NEUTRAL.get(field)?.includes(value)) continue;
    const why = WHY.get(field);
    throw new ConfigError(`/${field}`, `${showJson(value)} is not supported${why ? ` (${why})` : ""}`, {
      source: file,
      hint: HINTS.get(field) ?? `train the adapter without ${field}`,
    });
  }
  return config;
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === false ||
  (typeof value === "object" && Object.keys(value as object).length === 0);

const HINTS = new Map(
  Object.entries({
    init_lora_weights:
      "convert it to a plain LoRA: peft's save_pretrained does with path_initial_model_for_weight_conversion",
  }),
);
