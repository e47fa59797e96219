import { definePeft } from "../../../core/plugin-api/index.ts";
import { type Blocks, blockRange, blocksOption } from "../shared/blocks.ts";
import { bottleneckBranch, bottleneckOption, defaultBottleneck } from "../shared/bottleneck.ts";

interface AdaptFormerOptions {
  readonly bottleneck?: number;
  readonly blocks?: Blocks;
}

export const plugin = definePeft<AdaptFormerOptions>({
  name: "adaptformer",
  summary:
    "A scaled bottleneck adapter beside the MLP of every block (Chen et al., 2022), placed and initialised as in LIFT",
  options: {
    type: "object",
    properties: { bottleneck: bottleneckOption, blocks: blocksOption },
    additionalProperties: false,
  },
  order: 40,
  begin(tower, param, { bottleneck = defaultBottleneck(tower.classes, tower.layers), blocks }) {
    const range = blockRange("adaptformer", tower.layers, blocks);
    return {
      // Reads the residual stream before the MLP's LayerNorm.
      apply(g, { name, block }, input, output) {
        if (name !== "mlp" || !range.has(block)) return output;
        const prefix = `adaptformer.${block}`;
        const branch = bottleneckBranch(g, input, tower, param, prefix, bottleneck);
        return g.add(output, g.mul(branch, param(`${prefix}.scale`, [1], { kind: "constant", value: 1 })));
      },
    };
  },
});
