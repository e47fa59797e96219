import { FileError } from "../../errors.ts";
import { blockTensors, towerWeight } from "../../models/towers/index.ts";
import type { BlockModule } from "../../plugin-api/index.ts";
import { coverageOf } from "./coverage.ts";
import type { PeftFormat } from "./format.ts";
import { suffixOf } from "./names.ts";

const NORMS: readonly BlockModule[] = ["ln1", "ln2"];
const TENSORS = ["ln_tuning_layers.weight", "ln_tuning_layers.bias"];

/** The LayerNorms of the blocks trained from their own values (Zhao et al., 2023): the file holds them whole. */
export const layerNorm: PeftFormat = {
  peftType: "LN_TUNING",
  method: "layer-norm",
  place(name) {
    const { block, module } = towerWeight(name, []);
    if (block === undefined || module === undefined || !NORMS.includes(module)) return undefined;
    return { block, module, tensor: `ln_tuning_layers.${name.split(".").at(-1)}` };
  },
  parts: TENSORS,
  config: (tensors) => ({
    target_modules: coverageOf(tensors).modules.map((module) => blockTensors[module]),
    modules_to_save: null,
  }),
  // This type has no layers_to_transform; names are matched from their end.
  someBlocks: (tensors) => ({ target_modules: [...new Set(tensors.map(suffixOf))] }),
  read(tensors, _config, files) {
    const { modules, from, to } = coverageOf(tensors);
    const absent = NORMS.filter((norm) => !modules.includes(norm));
    if (absent.length > 0) {
      throw new FileError(
        files.weights,
        `holds nothing for ${absent.map((norm) => blockTensors[norm]).join(", ")}; the method trains both LayerNorms of a block`,
        { hint: `train with target_modules ${JSON.stringify(NORMS.map((norm) => blockTensors[norm]))}` },
      );
    }
    return {
      options: { blocks: [from, to] },
      params: new Map(
        tensors.map(({ tensor, param, ...place }) => [
          `vision_model.encoder.${suffixOf(place)}.${tensor.split(".").at(-1)}`,
          param,
        ]),
      ),
    };
  },
};
