import type { TrainedParam } from "../trained-model/trained-model.ts";
import type { AdapterConfig } from "./adapter-config.ts";
import type { Coverage } from "./coverage.ts";
import type { ModulePlace } from "./names.ts";

/** A tensor of an adapter file, by the module it belongs to. */
export interface ModuleTensor extends ModulePlace {
  /** Name within the module, e.g. "lora_A.weight". */
  readonly tensor: string;
  readonly param: TrainedParam;
}

/** Parameters of a method of ours that an adapter file stands for. */
export interface ImportedMethod {
  readonly options: Readonly<Record<string, unknown>>;
  /** By the names that the method declares. */
  readonly params: ReadonlyMap<string, TrainedParam>;
}

/** A method of Hugging Face peft that is also one of ours. */
export interface PeftFormat {
  readonly peftType: string;
  /** Name of the plugin. */
  readonly method: string;
  /** Where a parameter of the plugin goes; undefined for one that is not the method's. */
  place(name: string): (ModulePlace & { readonly tensor: string }) | undefined;
  /** The tensors of a module. */
  readonly parts: readonly string[];
  /** Fields of adapter_config.json beside those that all methods have. */
  config(
    tensors: readonly ModuleTensor[],
    options: Readonly<Record<string, unknown>>,
  ): Record<string, unknown>;
  /** Fields that say that only some blocks are adapted. */
  someBlocks(tensors: readonly ModuleTensor[], coverage: Coverage): Record<string, unknown>;
  /** @throws ConfigError for a field, FileError for tensors that the method of ours cannot express */
  read(tensors: readonly ModuleTensor[], config: AdapterConfig, files: AdapterFiles): ImportedMethod;
}

/** For messages. */
export interface AdapterFiles {
  readonly config: string;
  readonly weights: string;
}
