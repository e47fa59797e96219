import { definePeft, type SiteName } from "../../../core/plugin-api/index.ts";

interface LoraOptions {
  readonly rank: number;
  readonly alpha: number;
  readonly mlp: boolean;
}

const attention: readonly SiteName[] = ["attn.q", "attn.v"];
const mlp: readonly SiteName[] = ["mlp.fc1", "mlp.fc2"];

export const plugin = definePeft<LoraOptions>({
  name: "lora",
  summary:
    "Low-rank updates of the query and value projections (Hu et al., 2022), optionally of both MLP matrices",
  options: {
    type: "object",
    properties: {
      rank: { type: "integer", minimum: 1, default: 4, title: "r" },
      alpha: {
        type: "number",
        default: 1,
        description: "The update is scaled by alpha / rank (lora_alpha in peft)",
      },
      mlp: { type: "boolean", default: false, description: "Also adapt both matrices of the MLP" },
    },
    additionalProperties: false,
  },
  begin: (_tower, param, { rank, alpha, mlp: withMlp }) => {
    const sites = new Set(withMlp ? [...attention, ...mlp] : attention);
    return {
      apply: (g, { name, block, inWidth, outWidth }, input, output) => {
        if (!sites.has(name)) return output;
        const a = param(`lora.${block}.${name}.a`, [rank, inWidth], {
          kind: "kaiming-uniform",
          a: Math.sqrt(5),
          fan: inWidth,
        });
        const b = param(`lora.${block}.${name}.b`, [outWidth, rank], { kind: "zeros" });
        return g.add(output, g.mul(g.linear(g.linear(input, a), b), alpha / rank));
      },
    };
  },
});
