import { definePeft } from "../../../core/plugin-api/index.ts";
import { type Blocks, blockRange, blocksOption } from "../shared/blocks.ts";
import { bottleneckBranch, bottleneckOption, defaultBottleneck } from "../shared/bottleneck.ts";

interface AdapterOptions {
  readonly bottleneck?: number;
  readonly blocks?: Blocks;
}

export const plugin = definePeft<AdapterOptions>({
  name: "adapter",
  summary: "A bottleneck adapter after the MLP of every block (Houlsby et al., 2019), as in LIFT",
  options: {
    type: "object",
    properties: { bottleneck: bottleneckOption, blocks: blocksOption },
    additionalProperties: false,
  },
  order: 30,
  begin(tower, param, { bottleneck = defaultBottleneck(tower.classes, tower.layers), blocks }) {
    const range = blockRange("adapter", tower.layers, blocks);
    return {
      apply: (g, { name, block }, _input, output) =>
        name === "mlp" && range.has(block)
          ? g.add(output, bottleneckBranch(g, output, tower, param, `adapter.${block}`, bottleneck))
          : output,
    };
  },
});
