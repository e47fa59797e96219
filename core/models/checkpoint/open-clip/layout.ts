import type { TensorLocation } from "../../frozen-weights.ts";
import { checkTensors } from "../expected-tensors.ts";
import type { CheckpointLayout } from "../layout.ts";
import { openWeightFile, type WeightStore } from "../weight-store.ts";
import { OPEN_CLIP_CONFIG, readOpenClipConfig } from "./config.ts";
import { placeOf, tensorsOf } from "./tensors.ts";

const FILES = ["open_clip_model.safetensors", "open_clip_pytorch_model.safetensors"];

/** `open_clip_config.json` and the tensors of open_clip's CLIP, or of its CustomTextCLIP. */
export const openClipLayout: CheckpointLayout = {
  name: "open_clip",
  configFile: OPEN_CLIP_CONFIG,
  configs: [OPEN_CLIP_CONFIG],
  weights: FILES,
  async open(folder) {
    const { config, preprocessor } = await readOpenClipConfig(folder);
    const weights = await openWeightFile(folder, FILES);
    // CustomTextCLIP keeps its text tower in a module of its own; the tensors are the same.
    const textPrefix = weights.tensors.has("text.token_embedding.weight") ? "text." : "";
    checkTensors(weights.files.join(", "), weights.tensors, {
      expected: tensorsOf(config, textPrefix),
      configFile: OPEN_CLIP_CONFIG,
      model: "CLIP",
    });
    return { config, preprocessor, weights, locate: (name) => locate(weights, name, textPrefix) };
  },
};

function locate(weights: WeightStore, name: string, textPrefix: string): TensorLocation {
  const { stored, third, transposed } = placeOf(name, textPrefix);
  const found = weights.locate(stored);
  if (transposed) return { ...found, shape: found.shape.toReversed(), transposed };
  if (third === undefined) return found;
  // Queries, keys and values are the fused matrix's rows, one after the other: a third of its bytes each.
  const length = found.length / 3;
  const [rows, ...rest] = found.shape as [number, ...number[]];
  return { ...found, offset: found.offset + third * length, length, shape: [rows / 3, ...rest] };
}
