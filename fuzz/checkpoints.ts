import { readFile, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DType } from "../core/graph/index.ts";
import { placeOf } from "../core/models/checkpoint/open-clip/tensors.ts";
import {
  readSafetensorsHeader,
  readTensor,
  type TensorToWrite,
  writeSafetensors,
} from "../core/models/checkpoint/safetensors.ts";
import { makeTinyClip } from "../test/support/tiny-clip.ts";
import { readAll } from "./read-all.ts";

/** A valid checkpoint and the files that it is made of. */
export interface SmallCheckpoint {
  /** Absolute, without links. */
  readonly folder: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

const SIZES: Partial<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  uint8: 1,
  bool: 1,
};

export const dtypeBytes = (dtype: DType): number => SIZES[dtype]!;

/** Small checkpoints in every layout: Hugging Face's in one file and in shards, open_clip's. */
export async function makeCheckpoints(parent: string): Promise<SmallCheckpoint[]> {
  const root = await realpath(parent);
  const whole = join(root, "whole");
  await makeTinyClip(whole, { layers: 1, visionWidth: 8, textWidth: 4, projectionDim: 3 });
  const tensors = await tensorsOf(join(whole, "model.safetensors"));
  const configs = ["config.json", "preprocessor_config.json"];
  return [
    { folder: whole, files: await readAll(whole, [...configs, "model.safetensors"]) },
    { folder: join(root, "shards"), files: await writeShards(join(root, "shards"), whole, tensors) },
    { folder: join(root, "open-clip"), files: await writeOpenClip(join(root, "open-clip"), whole, tensors) },
  ];
}

type Tensors = Readonly<Record<string, TensorToWrite>>;

async function tensorsOf(file: string): Promise<Tensors> {
  const header = await readSafetensorsHeader(file);
  const entries = [...header.tensors].map(async ([name, { shape }]) => {
    return [name, { shape, data: await readTensor(header, name) }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function writeShards(folder: string, whole: string, tensors: Tensors): Promise<Map<string, Buffer>> {
  const entries = Object.entries(tensors);
  const shards = new Map<string, Buffer>();
  const map: Record<string, string> = {};
  for (const [i, part] of [entries.slice(0, 20), entries.slice(20)].entries()) {
    const name = `model-0000${i + 1}-of-00002.safetensors`;
    await writeSafetensors(join(folder, name), Object.fromEntries(part));
    shards.set(name, await readFile(join(folder, name)));
    for (const [tensor] of part) map[tensor] = name;
  }
  const index = { metadata: { total_size: 1 }, weight_map: map };
  const configs = await readAll(whole, ["config.json", "preprocessor_config.json"]);
  return new Map([
    ...configs,
    ["model.safetensors.index.json", Buffer.from(JSON.stringify(index))],
    ...shards,
  ]);
}

async function writeOpenClip(folder: string, whole: string, tensors: Tensors): Promise<Map<string, Buffer>> {
  const json = JSON.parse(await readFile(join(whole, "config.json"), "utf8")) as {
    readonly projection_dim: number;
    readonly vision_config: Readonly<Record<string, number>>;
    readonly text_config: Readonly<Record<string, number>>;
  };
  const { vision_config: vision, text_config: text } = json;
  const config = {
    model_cfg: {
      embed_dim: json.projection_dim,
      quick_gelu: true,
      vision_cfg: {
        image_size: vision.image_size,
        layers: vision.num_hidden_layers,
        width: vision.hidden_size,
        head_width: vision.hidden_size! / vision.num_attention_heads!,
        patch_size: vision.patch_size,
      },
      text_cfg: {
        context_length: text.max_position_embeddings,
        vocab_size: text.vocab_size,
        width: text.hidden_size,
        heads: text.num_attention_heads,
        layers: text.num_hidden_layers,
      },
    },
    preprocess_cfg: {
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      interpolation: "bicubic",
      resize_mode: "shortest",
    },
  };
  const out: Record<string, TensorToWrite> = {};
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const { stored, third, transposed } = placeOf(name, "");
    const values = data as Float32Array;
    if (third === undefined) {
      // The values do not matter here, so that a transpose is a change of shape.
      out[stored] = { shape: transposed ? shape.toReversed() : shape, data: values };
      continue;
    }
    const before = (out[stored]?.data as Float32Array | undefined) ?? new Float32Array();
    const [rows, ...rest] = shape as [number, ...number[]];
    out[stored] = { shape: [rows * (third + 1), ...rest], data: Float32Array.from([...before, ...values]) };
  }
  const name = "open_clip_model.safetensors";
  await writeSafetensors(join(folder, name), out);
  const weights = await readFile(join(folder, name));
  await rm(join(folder, name));
  return new Map([
    ["open_clip_config.json", Buffer.from(JSON.stringify(config))],
    [name, weights],
  ]);
}
