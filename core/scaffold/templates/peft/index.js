// @ts-check
import { definePeft } from "dualtail/plugin-api";

/** @typedef {{ attention: boolean }} Options What `options` below describes. */

// Scales the channels of a residual branch by 1 + s, s trained from 0: replace it by your own method.
// `apply` is called at every site of every block (hover over SiteName); return `output` where nothing is to change.
export const plugin = definePeft({
  name: "my-peft",
  summary: "A trained scale per channel after the MLP of every block",
  options: {
    type: "object",
    properties: {
      attention: { type: "boolean", default: false, description: "Also scale what the attention adds" },
    },
    additionalProperties: false,
  },
  begin: (_tower, param, /** @type {Options} */ { attention }) => ({
    apply(g, { name, block, outWidth }, _input, output) {
      if (name !== "mlp" && !(attention && name === "attn")) return output;
      // Starting at zeros leaves the model as it is before the first step.
      const scale = param(`my-peft.${block}.${name}.scale`, [outWidth], { kind: "zeros" });
      return g.add(output, g.mul(output, scale));
    },
  }),
});
