import { ConfigError, definePeft, type SiteName } from "../../../core/plugin-api/index.ts";
import { type Blocks, blockRange, blocksOption } from "../shared/blocks.ts";

interface SsfOptions {
  readonly attention: boolean;
  readonly mlp: boolean;
  readonly layerNorm: boolean;
  readonly blocks?: Blocks;
}

const SITES: Readonly<Record<"attention" | "mlp" | "layerNorm", readonly SiteName[]>> = {
  attention: ["attn.q", "attn.k", "attn.v", "attn.out"],
  mlp: ["mlp.fc1", "mlp.fc2"],
  layerNorm: ["ln1", "ln2"],
};

const part = (what: string) => ({ type: "boolean", default: true, description: `Adapt ${what}` }) as const;

export const plugin = definePeft<SsfOptions>({
  name: "ssf",
  summary:
    "Scale and shift of the features after attention projections, MLP matrices and LayerNorms (Lian et al., 2022), as in LIFT",
  options: {
    type: "object",
    properties: {
      attention: part("the query, key, value and output projections"),
      mlp: part("both matrices of the MLP"),
      layerNorm: part("both LayerNorms of a block"),
      blocks: blocksOption,
    },
    additionalProperties: false,
  },
  order: 20,
  startsAtIdentity: false,
  begin({ layers }, param, options) {
    const sites = new Set(
      (["attention", "mlp", "layerNorm"] as const).flatMap((key) => (options[key] ? SITES[key] : [])),
    );
    if (sites.size === 0) {
      throw new ConfigError("/attention", "peft ssf: it adapts nothing", {
        hint: "set attention, mlp or layerNorm to true",
      });
    }
    const range = blockRange("ssf", layers, options.blocks);
    return {
      apply(g, { name, block, outWidth }, _input, output) {
        if (!sites.has(name) || !range.has(block)) return output;
        const prefix = `ssf.${block}.${name}`;
        const scale = param(`${prefix}.scale`, [outWidth], { kind: "normal", mean: 1, std: 0.02 });
        const shift = param(`${prefix}.shift`, [outWidth], { kind: "normal", std: 0.02 });
        return g.add(g.mul(output, scale), shift);
      },
    };
  },
});
