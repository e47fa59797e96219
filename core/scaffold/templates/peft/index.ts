import { definePeft } from "dualtail/plugin-api";

/** What `options` below describes. */
interface Options {
  readonly attention: boolean;
}

// Scales the channels of a residual branch by 1 + s, s trained from 0: replace it by your own method.
// `apply` is called at every site of every block (hover over SiteName); return `output` where nothing is to change.
export const plugin = definePeft<Options>({
  name: "my-peft",
  summary: "A trained scale per channel after the MLP of every block",
  options: {
    type: "object",
    properties: {
      attention: { type: "boolean", default: false, description: "Also scale what the attention adds" },
    },
    additionalProperties: false,
  },
  begin: (_tower, param, { attention }) => ({
    apply(g, { name, block, outWidth }, _input, output) {
      if (name !== "mlp" && !(attention && name === "attn")) return output;
      // Starting at zeros leaves the model as it is before the first step.
      const scale = param(`my-peft.${block}.${name}.scale`, [outWidth], { kind: "zeros" });
      return g.add(output, g.mul(output, scale));
    },
  }),
});
