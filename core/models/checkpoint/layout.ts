import type { LocateTensor } from "../frozen-weights.ts";
import type { ClipConfig } from "./clip-config.ts";
import type { Preprocessor } from "./preprocessor-config.ts";
import type { WeightStore } from "./weight-store.ts";

/** What a checkpoint folder holds, whatever its layout. */
export interface CheckpointContent {
  readonly config: ClipConfig;
  readonly preprocessor: Preprocessor;
  /** By the names of the files. */
  readonly weights: WeightStore;
  /** By the names of Hugging Face's layout, which the towers use. */
  readonly locate: LocateTensor;
}

/** A way to lay out a CLIP checkpoint in a folder. */
export interface CheckpointLayout {
  readonly name: LayoutName;
  /** The file that describes the model. */
  readonly configFile: string;
  /** Every file that describes model and preprocessing. */
  readonly configs: readonly string[];
  /** Names that the weights may have, the usual one first. */
  readonly weights: readonly string[];
  /** @throws FileError, ConfigError naming the file (and JSON path or tensors) and what to do */
  open(folder: string): Promise<CheckpointContent>;
}

/** How files of a checkpoint are named and laid out. */
export type LayoutName = "Hugging Face" | "open_clip";

export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "vocab.json",
  "merges.txt",
];

/** Whether a folder that has these files has the whole checkpoint in this layout, the tokenizer apart. */
export const isComplete = ({ configs, weights }: CheckpointLayout, has: (name: string) => boolean): boolean =>
  configs.every(has) && weights.some(has);
