import { ConfigError, definePeft, type SiteName } from "../../../core/plugin-api/index.ts";
import { type Blocks, blockRange, blocksOption } from "../shared/blocks.ts";
import { defaultBottleneck } from "../shared/bottleneck.ts";

interface LoraOptions {
  readonly rank?: number;
  readonly alpha: number;
  readonly attention: boolean;
  readonly mlp: boolean;
  readonly modules?: readonly Module[];
  readonly init: "lift" | "peft";
  readonly blocks?: Blocks;
}

const ATTENTION: readonly SiteName[] = ["attn.q", "attn.v"];
const MLP: readonly SiteName[] = ["mlp.fc1", "mlp.fc2"];

const SITES = {
  q: "attn.q",
  k: "attn.k",
  v: "attn.v",
  out: "attn.out",
  fc1: "mlp.fc1",
  fc2: "mlp.fc2",
} as const satisfies Record<string, SiteName>;
type Module = keyof typeof SITES;

export const plugin = definePeft<LoraOptions>({
  name: "lora",
  summary:
    "Low-rank updates of the query and value projections and, if wanted, of both MLP matrices (Hu et al., 2022), as in LIFT",
  options: {
    type: "object",
    properties: {
      rank: {
        type: "integer",
        minimum: 1,
        title: "r",
        description: "Rank r of the updates; 2^max(0, floor(log2(classes / (2·layers)))) when absent",
      },
      alpha: {
        type: "number",
        default: 1,
        description: "The update is scaled by alpha / rank (lora_alpha in peft)",
      },
      attention: {
        type: "boolean",
        default: true,
        description: "Adapt the query and value projections",
      },
      mlp: { type: "boolean", default: false, description: "Adapt both matrices of the MLP" },
      modules: {
        type: "array",
        minItems: 1,
        uniqueItems: true,
        items: { enum: Object.keys(SITES) },
        description: "Exactly these matrices of a block, whatever `attention` and `mlp` say",
      },
      init: {
        enum: ["lift", "peft"],
        default: "lift",
        description:
          "How A starts (B is zero): uniform in ±1/√rank as LIFT has it, or in ±1/√(input width) as peft has it",
      },
      blocks: blocksOption,
    },
    additionalProperties: false,
  },
  order: 10,
  begin({ classes, layers }, param, { rank = defaultBottleneck(classes, layers), ...options }) {
    const sites = new Set<SiteName>(
      options.modules?.map((module) => SITES[module]) ?? [
        ...(options.attention ? ATTENTION : []),
        ...(options.mlp ? MLP : []),
      ],
    );
    if (sites.size === 0) {
      throw new ConfigError("/attention", "peft lora: it adapts nothing", {
        hint: "set attention or mlp to true",
      });
    }
    const range = blockRange("lora", layers, options.blocks);
    return {
      apply(g, { name, block, inWidth, outWidth }, input, output) {
        if (!sites.has(name) || !range.has(block)) return output;
        // Both draw by Kaiming's rule with a = √5; LIFT keeps A transposed, so that the fan-in PyTorch sees is the rank.
        const fan = options.init === "lift" ? rank : inWidth;
        const a = param(`lora.${block}.${name}.a`, [rank, inWidth], {
          kind: "kaiming-uniform",
          a: Math.sqrt(5),
          fan,
        });
        const b = param(`lora.${block}.${name}.b`, [outWidth, rank], { kind: "zeros" });
        return g.add(output, g.mul(g.linear(g.linear(input, a), b), options.alpha / rank));
      },
    };
  },
});
