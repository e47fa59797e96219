import { definePeft } from "../../../core/plugin-api/index.ts";
import { blockRange } from "../shared/blocks.ts";

interface LastKOptions {
  readonly blocks: number;
}

export const plugin = definePeft<LastKOptions>({
  name: "last-k",
  summary: "Trains every weight of the last k transformer blocks; LIFT's full_tuning with partial",
  options: {
    type: "object",
    properties: {
      blocks: {
        type: "integer",
        minimum: 1,
        default: 1,
        title: "k",
        description: "How many blocks, from the end",
      },
    },
    additionalProperties: false,
  },
  begin({ layers }, _param, { blocks }) {
    const range = blockRange("last-k", layers, blocks);
    return { trains: ({ block }) => range.has(block) };
  },
});
