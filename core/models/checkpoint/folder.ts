import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FileError } from "../../errors.ts";
import type { LocateTensor } from "../frozen-weights.ts";
import { type ClipConfig, readClipConfig } from "./clip-config.ts";
import { digestFiles } from "./digest.ts";
import { checkTensors } from "./expected-tensors.ts";
import { type Preprocessor, readPreprocessor } from "./preprocessor-config.ts";
import { openWeights, type WeightStore } from "./weight-store.ts";

export type { ClipConfig, ClipTextConfig, ClipVisionConfig } from "./clip-config.ts";
export type { Preprocessor } from "./preprocessor-config.ts";
export type { WeightStore } from "./weight-store.ts";

/** A CLIP checkpoint in Hugging Face layout, checked: the weights are those the config describes. */
export interface ClipCheckpoint {
  /** Absolute. */
  readonly folder: string;
  readonly config: ClipConfig;
  readonly preprocessor: Preprocessor;
  readonly weights: WeightStore;
  readonly locate: LocateTensor;
  /** Value of the tensor `logit_scale`; cosines are multiplied by its exponential. */
  readonly logitScale: number;
  /** sha256 (hex) of weights, configs and tokenizer files; read when first asked for. */
  digest(): Promise<string>;
}

const CONFIGS = new Set([
  "config.json",
  "preprocessor_config.json",
  "tokenizer.json",
  "vocab.json",
  "merges.txt",
]);

/**
 * Opens a folder with `config.json`, `model.safetensors` (or its shards), `preprocessor_config.json`. Only headers are
 * read; tensors stay in their files.
 * @throws FileError, ConfigError naming the file (and JSON path or tensors) and what to do
 */
export async function openCheckpoint(folder: string): Promise<ClipCheckpoint> {
  const path = resolve(folder);
  const names = await readdir(path).catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    throw new FileError(
      path,
      code === "ENOTDIR"
        ? "is a file, not a checkpoint folder"
        : `there is no such checkpoint folder (${code})`,
      {
        hint: "give a folder with config.json, model.safetensors, preprocessor_config.json and tokenizer.json",
        cause,
      },
    );
  });
  const config = await readClipConfig(path);
  const preprocessor = await readPreprocessor(path, config.vision);
  const weights = await openWeights(path);
  checkTensors(weights.files.join(", "), config, weights.tensors);
  const [logitScale] = await weights.read("logit_scale");
  const digested = [
    ...weights.files,
    ...names.filter((name) => CONFIGS.has(name)).map((name) => join(path, name)),
  ];
  return {
    folder: path,
    config,
    preprocessor,
    weights,
    locate: weights.locate,
    logitScale: logitScale!,
    digest: () => digestFiles(digested),
  };
}
