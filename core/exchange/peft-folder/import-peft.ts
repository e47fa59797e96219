import { access } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, FileError } from "../../errors.ts";
import {
  readSafetensorsHeader,
  readTensor,
  type SafetensorsHeader,
} from "../../models/checkpoint/safetensors.ts";
import type { TrainedParam } from "../trained-model/trained-model.ts";
import { readAdapterConfig } from "./adapter-config.ts";
import { checkCoverage, listing } from "./coverage.ts";
import type { ModuleTensor } from "./format.ts";
import { FORMATS } from "./formats.ts";
import { type FolderHead, readHead } from "./head.ts";
import { parseTensorName, suffixOf } from "./names.ts";

/** An adapter of Hugging Face peft as one of our methods. */
export interface ImportedPeft {
  /** Name of the plugin. */
  readonly method: string;
  /** The plugin's options. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The plugin's parameters by the names it declares, as float32: what to evaluate with, or to start training from. */
  readonly params: ReadonlyMap<string, Float32Array>;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** What the adapter was trained on, as its config says. */
  readonly base: { readonly nameOrPath: string | undefined; readonly revision: string | undefined };
  /** The classifier beside it, where the folder was written by `exportPeftFolder`. */
  readonly head?: FolderHead & { readonly params: ReadonlyMap<string, TrainedParam> };
}

/**
 * Reads a folder that peft's `save_pretrained` (or `exportPeftFolder`) has written for a CLIP image tower: LORA or
 * LN_TUNING, in float32, float16 or bfloat16, of transformers 4 or 5.
 * @param layers blocks of the base model, if it is to be checked that all are there
 * @throws ConfigError naming the field of adapter_config.json that is not supported; FileError listing tensors that are
 *   missing or unknown
 */
export async function importPeftFolder(
  folder: string,
  { layers }: { readonly layers?: number } = {},
): Promise<ImportedPeft> {
  const files = {
    config: join(folder, "adapter_config.json"),
    weights: join(folder, "adapter_model.safetensors"),
  };
  const config = await readAdapterConfig(files.config);
  const format = FORMATS.find(({ peftType }) => peftType === config.peft_type);
  if (format === undefined) {
    const known = FORMATS.map(({ peftType }) => peftType).join(", ");
    throw new ConfigError("/peft_type", `${config.peft_type} adapters are not supported`, {
      source: files.config,
      hint: `supported: ${known}`,
    });
  }
  await refusePickle(folder, files.weights);
  const tensors = await readTensors(await readSafetensorsHeader(files.weights), format.parts);
  checkCoverage(tensors, config, files, { parts: format.parts, layers });
  const { options, params } = format.read(tensors, config, files);
  const head = await readHead(folder);
  return {
    method: format.method,
    options,
    params: new Map([...params].map(([name, { data }]) => [name, data])),
    shapes: new Map([...params].map(([name, { shape }]) => [name, shape])),
    base: {
      nameOrPath: config.base_model_name_or_path ?? undefined,
      revision: config.revision ?? undefined,
    },
    ...(head ? { head } : {}),
  };
}

async function readTensors(header: SafetensorsHeader, parts: readonly string[]): Promise<ModuleTensor[]> {
  const { file } = header;
  const found = new Map<string, ModuleTensor>();
  const unknown: string[] = [];
  for (const [name, { shape }] of header.tensors) {
    const parsed = parseTensorName(name);
    if (parsed === undefined || !parts.includes(parsed.tensor)) {
      unknown.push(name);
      continue;
    }
    const key = `${suffixOf(parsed)}.${parsed.tensor}`;
    const param = { shape, data: await readTensor(header, name) };
    const twin = found.get(key);
    // One file may name a tensor as transformers 4 and as transformers 5 do.
    if (twin && !sameValues(twin.param.data, param.data)) {
      throw new FileError(file, `holds two different ${key}`, { hint: "save the adapter again" });
    }
    found.set(key, { ...parsed, param });
  }
  if (unknown.length > 0) {
    throw new FileError(file, `holds tensors of no module of the image tower's blocks: ${listing(unknown)}`, {
      hint: "only adapters of the attention, MLP and LayerNorm modules of a CLIPVisionModel can be read",
    });
  }
  if (found.size === 0) throw new FileError(file, "holds no tensors", { hint: "save the adapter again" });
  return [...found.values()];
}

const sameValues = (a: Float32Array, b: Float32Array): boolean =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

async function refusePickle(folder: string, weights: string): Promise<void> {
  const there = (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );
  if (!(await there(weights)) && (await there(join(folder, "adapter_model.bin")))) {
    throw new FileError(weights, "there is no such file; only pickled weights are here (adapter_model.bin)", {
      hint: "save the adapter with safe_serialization=True",
    });
  }
}
