import { blockTensors } from "../../models/towers/index.ts";
import type { BlockModule } from "../../plugin-api/index.ts";

/** A module of a transformer block of the image tower. */
export interface ModulePlace {
  readonly block: number;
  readonly module: BlockModule;
}

/**
 * What module paths start with in an adapter file: peft's wrapping, then the tower's place in the model.
 * `CLIPVisionModel` itself has `encoder.…` since transformers 5; before, and in models that hold it
 * (`CLIPModel`, `CLIPVisionModelWithProjection`, `CLIPForImageClassification`), it is `vision_model.encoder.…`.
 */
const ROOTS = ["base_model.model.", "base_model.model.vision_model."] as const;

const blockOf = new Map(Object.entries(blockTensors).map(([module, name]) => [name, module as BlockModule]));

/** "layers.3.self_attn.q_proj" */
export const suffixOf = ({ block, module }: ModulePlace): string => `layers.${block}.${blockTensors[module]}`;

/** All names under which models may look for a module's tensor. peft passes over those that the model has not. */
export const tensorNames = (place: ModulePlace, tensor: string): string[] =>
  ROOTS.map((root) => `${root}encoder.${suffixOf(place)}.${tensor}`);

const PATTERN =
  /^base_model\.model\.(?:vision_model\.)?encoder\.layers\.(\d+)\.([a-z_\d]+(?:\.[a-z_\d]+)?)\.((?:lora_[AB]|ln_tuning_layers)\.(?:weight|bias))$/;

/** The module and tensor that a name in an adapter file means; undefined when it is none of the image tower's blocks. */
export function parseTensorName(name: string): (ModulePlace & { readonly tensor: string }) | undefined {
  const [, block, path, tensor] = PATTERN.exec(name) ?? [];
  const module = path === undefined ? undefined : blockOf.get(path);
  return module === undefined ? undefined : { block: Number(block), module, tensor: tensor! };
}
