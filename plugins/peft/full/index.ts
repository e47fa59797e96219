import { definePeft } from "../../../core/plugin-api/index.ts";

export const plugin = definePeft({
  name: "full",
  // LIFT's full_tuning: the embeddings and the LayerNorms before and after the blocks stay as they are.
  summary:
    "Trains every weight of all transformer blocks, as LIFT's full fine-tuning, which uses a learning rate of 5e-4",
  options: { type: "object", properties: {}, additionalProperties: false },
  begin: () => ({ trains: ({ block }) => block !== undefined }),
});
