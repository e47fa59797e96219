import { definePeft } from "../../../core/plugin-api/index.ts";
import { type Blocks, blockRange, blocksOption } from "../shared/blocks.ts";

interface LayerNormOptions {
  readonly blocks?: Blocks;
}

export const plugin = definePeft<LayerNormOptions>({
  name: "layer-norm",
  summary:
    "Trains both LayerNorms of every transformer block, not those before and after the blocks; as in LIFT",
  options: { type: "object", properties: { blocks: blocksOption }, additionalProperties: false },
  begin({ layers }, _param, { blocks }) {
    const range = blockRange("layer-norm", layers, blocks);
    return { trains: ({ module, block }) => range.has(block) && (module === "ln1" || module === "ln2") };
  },
});
