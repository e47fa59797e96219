import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FileError } from "../../errors.ts";
import { digestFiles } from "./digest.ts";
import type { CheckpointContent } from "./layout.ts";
import { type LayoutName, layoutOf, NEEDED, TOKENIZER_FILES } from "./layouts.ts";
import { applyOverrides, type CheckpointOverrides } from "./overrides.ts";

export type { ClipConfig, ClipTextConfig, ClipVisionConfig } from "./clip-config.ts";
export type { LayoutName } from "./layouts.ts";
export type { CheckpointOverrides } from "./overrides.ts";
export type { Preprocessor } from "./preprocessor-config.ts";
export type { WeightStore } from "./weight-store.ts";

/** A CLIP checkpoint, checked: the weights are those the config describes. */
export interface ClipCheckpoint extends CheckpointContent {
  /** Absolute. */
  readonly folder: string;
  /** In which layout it was read; Hugging Face's where the folder has both. */
  readonly layout: LayoutName;
  /** Value of the tensor `logit_scale`; cosines are multiplied by its exponential. */
  readonly logitScale: number;
  /** sha256 (hex) of weights, configs and tokenizer files, without the overrides; read when first asked for. */
  digest(): Promise<string>;
}

/**
 * Opens a checkpoint folder in Hugging Face's layout (`config.json`, `model.safetensors` or its shards,
 * `preprocessor_config.json`) or in open_clip's (`open_clip_config.json`, `open_clip_model.safetensors`). Only headers
 * are read; tensors stay in their files.
 * @throws FileError, ConfigError naming the file (and JSON path or tensors) and what to do
 */
export async function openCheckpoint(
  folder: string,
  overrides: CheckpointOverrides = {},
): Promise<ClipCheckpoint> {
  const path = resolve(folder);
  const names = new Set(await namesIn(path));
  const layout = layoutOf((name) => names.has(name));
  if (layout === undefined) {
    throw new FileError(path, "holds no checkpoint: neither config.json nor open_clip_config.json", {
      hint: `it needs ${NEEDED}`,
    });
  }
  const content = await layout.open(path);
  const { weights } = content;
  const [logitScale] = await weights.read("logit_scale");
  const described = [...layout.configs, ...TOKENIZER_FILES.filter((name) => DIGESTED.has(name))];
  const digested = [
    ...weights.files,
    ...described.filter((name) => names.has(name)).map((name) => join(path, name)),
  ];
  return {
    ...(await applyOverrides(content, overrides)),
    folder: path,
    layout: layout.name,
    logitScale: logitScale!,
    digest: () => digestFiles(digested),
  };
}

/** Tokenizer files that decide which ids a text becomes. */
const DIGESTED = new Set(["tokenizer.json", "vocab.json", "merges.txt"]);

async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new FileError(
      path,
      code === "ENOTDIR"
        ? "is a file, not a checkpoint folder"
        : `there is no such checkpoint folder (${code})`,
      { hint: `give a folder with ${NEEDED}`, cause },
    );
  }
}
