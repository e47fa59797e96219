import type { Shape } from "../../graph/index.ts";
import type { BlockModule, TowerWeight } from "../../plugin-api/peft.ts";

/** Checkpoint names of a block's modules, without the block's own and without ".weight" or ".bias". */
export const blockTensors: Readonly<Record<BlockModule, string>> = {
  ln1: "layer_norm1",
  "attn.q": "self_attn.q_proj",
  "attn.k": "self_attn.k_proj",
  "attn.v": "self_attn.v_proj",
  "attn.out": "self_attn.out_proj",
  ln2: "layer_norm2",
  "mlp.fc1": "mlp.fc1",
  "mlp.fc2": "mlp.fc2",
};

const modules = new Map(
  Object.entries(blockTensors).map(([module, tensor]) => [tensor, module as BlockModule]),
);

/** A weight by its checkpoint name, with its place in the tower. */
export function towerWeight(name: string, shape: Shape): TowerWeight {
  const place = /\.layers\.(\d+)\.(.+)\.(?:weight|bias)$/.exec(name);
  const module = place && modules.get(place[2]!);
  return module ? { name, shape, block: Number(place[1]), module } : { name, shape };
}
