import { access, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError } from "../../errors.ts";
import type { TensorLocation } from "../frozen-weights.ts";
import { graphDType } from "./dtypes.ts";
import { jsonCheck, readJson } from "./json-file.ts";
import { readTensor } from "./read-tensor.ts";
import {
  readSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./safetensors-header.ts";

/** The tensors of one checkpoint, in one file or several. */
export interface WeightStore {
  /** Absolute paths. */
  readonly files: readonly string[];
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  /** Where a tensor's bytes are. @throws FileError when there is none, or its element type has no use in a graph */
  locate(name: string): TensorLocation;
  /** A small tensor's values. @throws FileError */
  read(name: string): Promise<Float32Array>;
}

export const WEIGHTS = "model.safetensors";
export const INDEX = "model.safetensors.index.json";
/** The names of weights that cannot be read, with what to do about them. */
const PICKLED = {
  "pytorch_model.bin": `save the model once with safe_serialization to get ${WEIGHTS}`,
  "open_clip_pytorch_model.bin":
    "save the model once with open_clip's save_for_hf and safe_serialization to get open_clip_model.safetensors",
};

const checkIndex = jsonCheck<{ weight_map: Record<string, string> }>({
  type: "object",
  required: ["weight_map"],
  properties: {
    weight_map: {
      type: "object",
      additionalProperties: { type: "string", pattern: "^(?!\\.\\.?$)[^/\\\\]+$" },
    },
  },
});

/** Opens `model.safetensors`, or the files that `model.safetensors.index.json` lists. @throws FileError, ConfigError */
export async function openWeights(folder: string): Promise<WeightStore> {
  const whole = resolve(folder, WEIGHTS);
  if (await exists(whole)) return storeOf([await readSafetensorsHeader(whole)]);
  const index = resolve(folder, INDEX);
  if (await exists(index)) return openShards(folder, index);
  throw await noWeights(whole);
}

/** Opens the first of `names` that is in the folder. @throws FileError also when none is */
export async function openWeightFile(folder: string, names: readonly string[]): Promise<WeightStore> {
  for (const name of names) {
    const file = resolve(folder, name);
    if (await exists(file)) return storeOf([await readSafetensorsHeader(file)]);
  }
  throw await noWeights(resolve(folder, names[0]!));
}

async function noWeights(file: string): Promise<FileError> {
  for (const [name, remedy] of Object.entries(PICKLED)) {
    if (await exists(join(dirname(file), name)))
      return new FileError(file, "there is no such file", {
        hint: `only pickled weights are here (${name}), which are not read; ${remedy}`,
      });
  }
  return new FileError(file, "there is no such file", {
    hint: `put the checkpoint's ${basename(file)} there`,
  });
}

async function openShards(folder: string, index: string): Promise<WeightStore> {
  const { weight_map: map } = checkIndex(await readJson(index), index);
  const names = [...new Set(Object.values(map))].sort();
  const store = await storeOf(
    await Promise.all(names.map((name) => readSafetensorsHeader(resolve(folder, name)))),
  );
  for (const [tensor, name] of Object.entries(map)) {
    const file = resolve(folder, name);
    if (store.fileOf(tensor) !== file) {
      throw new FileError(file, `has no tensor "${tensor}", which ${INDEX} says it holds`, {
        hint: "download the checkpoint again",
      });
    }
  }
  return store;
}

async function storeOf(
  headers: readonly SafetensorsHeader[],
): Promise<WeightStore & { fileOf(name: string): string | undefined }> {
  // The hub's cache holds links, which onnxruntime does not follow.
  const realFiles = new Map<string, string>();
  for (const { file } of headers) realFiles.set(file, await realpath(file));
  const owners = new Map<string, SafetensorsHeader>();
  const tensors = new Map<string, SafetensorsEntry>();
  for (const header of headers) {
    for (const [name, entry] of header.tensors) {
      const other = owners.get(name);
      if (other)
        throw new FileError(header.file, `holds tensor "${name}", and so does ${other.file}`, {
          hint: "download the checkpoint again",
        });
      owners.set(name, header);
      tensors.set(name, entry);
    }
  }
  const ownerOf = (name: string): SafetensorsHeader => {
    const owner = owners.get(name);
    if (owner === undefined)
      throw new FileError(headers.map(({ file }) => file).join(", "), `has no tensor "${name}"`);
    return owner;
  };
  return {
    files: headers.map(({ file }) => file),
    tensors,
    fileOf: (name) => owners.get(name)?.file,
    locate(name) {
      const { file } = ownerOf(name);
      const { dtype: stored, shape, offset, length } = tensors.get(name)!;
      const dtype = graphDType(stored);
      if (dtype === undefined)
        throw new FileError(file, `tensor "${name}": ${stored} weights are not supported`, {
          hint: "use float32, float16 or bfloat16",
        });
      return { file: realFiles.get(file)!, offset, length, dtype, shape };
    },
    read: (name) => readTensor(ownerOf(name), name),
  };
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return false;
      throw new FileError(file, `cannot be opened (${error.code})`, {
        hint: "check its permissions",
        cause: error,
      });
    },
  );
