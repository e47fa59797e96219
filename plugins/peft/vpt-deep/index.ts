import { definePeft } from "../../../core/plugin-api/index.ts";
import { type Blocks, blockRange, blocksOption } from "../shared/blocks.ts";
import { promptTokens, tokensOption } from "../shared/prompts.ts";

interface VptDeepOptions {
  readonly tokens: number;
  readonly blocks?: Blocks;
}

export const plugin = definePeft<VptDeepOptions>({
  name: "vpt-deep",
  summary:
    "Learned tokens of its own for every block, in place of the block's before (Jia et al., 2022), as in LIFT",
  options: {
    type: "object",
    properties: { tokens: tokensOption, blocks: blocksOption },
    additionalProperties: false,
  },
  startsAtIdentity: false,
  begin(tower, param, { tokens, blocks }) {
    const range = blockRange("vpt-deep", tower.layers, blocks);
    return {
      prompt: (_g, block) =>
        range.has(block)
          ? {
              tokens: promptTokens(tower, param, `vpt-deep.${block}.tokens`, tokens),
              // Tokens go when others come: those of the last block with any stay until the end.
              stays: block === range.to - 1,
            }
          : undefined,
    };
  },
});
