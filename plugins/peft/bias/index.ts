import { definePeft } from "../../../core/plugin-api/index.ts";
import { type Blocks, blockRange, blocksOption } from "../shared/blocks.ts";

interface BiasOptions {
  readonly blocks?: Blocks;
}

export const plugin = definePeft<BiasOptions>({
  name: "bias",
  summary:
    "Trains every bias of the transformer blocks, those of their LayerNorms included (Zaken et al., 2022)",
  options: { type: "object", properties: { blocks: blocksOption }, additionalProperties: false },
  begin({ layers }, _param, { blocks }) {
    const range = blockRange("bias", layers, blocks);
    return { trains: ({ name, block }) => range.has(block) && name.endsWith(".bias") };
  },
});
