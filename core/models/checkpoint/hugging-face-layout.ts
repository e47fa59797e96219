import { readClipConfig } from "./clip-config.ts";
import { checkTensors, expectedTensors } from "./expected-tensors.ts";
import type { CheckpointLayout } from "./layout.ts";
import { readPreprocessor } from "./preprocessor-config.ts";
import { INDEX, openWeights, WEIGHTS } from "./weight-store.ts";

/** `config.json`, `preprocessor_config.json` and the tensors of transformers' CLIPModel, in one file or in shards. */
export const huggingFaceLayout: CheckpointLayout = {
  name: "Hugging Face",
  configFile: "config.json",
  configs: ["config.json", "preprocessor_config.json"],
  weights: [WEIGHTS, INDEX],
  async open(folder) {
    const config = await readClipConfig(folder);
    const preprocessor = await readPreprocessor(folder, config.vision);
    const weights = await openWeights(folder);
    checkTensors(weights.files.join(", "), weights.tensors, {
      expected: expectedTensors(config),
      configFile: "config.json",
      model: "CLIPModel",
    });
    return { config, preprocessor, weights, locate: weights.locate };
  },
};
