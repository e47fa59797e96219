import { ConfigError, FileError } from "../../errors.ts";
import { blockTensors } from "../../models/towers/index.ts";
import type { BlockModule } from "../../plugin-api/index.ts";
import { coverageOf } from "./coverage.ts";
import type { PeftFormat } from "./format.ts";
import { suffixOf } from "./names.ts";

const PARAM = /^lora\.(\d+)\.((?:attn|mlp)\.\w+)\.([ab])$/;
const TENSORS = { a: "lora_A.weight", b: "lora_B.weight" } as const;

/** W x + (alpha / r) · B A x (Hu et al., 2022): a is A [r, in], b is B [out, r]. */
export const lora: PeftFormat = {
  peftType: "LORA",
  method: "lora",
  place(name) {
    const [, block, module, part] = PARAM.exec(name) ?? [];
    if (module === undefined || !(module in blockTensors)) return undefined;
    return { block: Number(block), module: module as BlockModule, tensor: TENSORS[part as "a" | "b"] };
  },
  parts: Object.values(TENSORS),
  config(tensors, { alpha }) {
    return {
      r: tensors.find(({ tensor }) => tensor === TENSORS.a)!.param.shape[0],
      lora_alpha: alpha,
      target_modules: coverageOf(tensors).modules.map(lastName).sort(),
      lora_dropout: 0,
      bias: "none",
      fan_in_fan_out: false,
      init_lora_weights: true,
      modules_to_save: null,
      rank_pattern: {},
      alpha_pattern: {},
      use_rslora: false,
      use_dora: false,
    };
  },
  someBlocks: (_tensors, { from, to }) => ({
    layers_to_transform: Array.from({ length: to - from }, (_, i) => from + i),
    layers_pattern: "layers",
  }),
  read(tensors, { r, lora_alpha: alpha, use_rslora: stabilised = false }, files) {
    if (r === undefined || alpha === undefined) {
      throw new ConfigError(r === undefined ? "/r" : "/lora_alpha", "is missing", { source: files.config });
    }
    for (const { tensor, param, ...place } of tensors) {
      const rank = param.shape[tensor === TENSORS.a ? 0 : 1];
      if (param.shape.length === 2 && rank === r) continue;
      throw new FileError(
        files.weights,
        `${suffixOf(place)}.${tensor} has shape [${param.shape}], not of rank ${r}`,
        {
          hint: "adapter_config.json and the weights must belong together",
        },
      );
    }
    const { modules, from, to } = coverageOf(tensors);
    return {
      options: {
        rank: r,
        // peft scales by alpha / √r with use_rslora (Kalajdzievski, 2023), the method of ours by alpha / r.
        alpha: stabilised ? alpha * Math.sqrt(r) : alpha,
        modules: modules.map((module) => module.split(".").at(-1)),
        blocks: [from, to],
      },
      params: new Map(
        tensors.map(({ block, module, tensor, param }) => [
          `lora.${block}.${module}.${tensor === TENSORS.a ? "a" : "b"}`,
          param,
        ]),
      ),
    };
  },
};

/** "attn.q" → "q_proj" */
const lastName = (module: BlockModule): string => blockTensors[module].split(".").at(-1)!;
