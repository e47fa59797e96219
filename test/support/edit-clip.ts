import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  readSafetensorsHeader,
  readTensor,
  type TensorToWrite,
  writeSafetensors,
} from "../../core/models/checkpoint/safetensors.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { makeTinyClip, type TinyClipOptions } from "./tiny-clip.ts";

type Json = Record<string, unknown> & {
  vision_config: Record<string, unknown>;
  text_config: Record<string, unknown>;
};

/** A small CLIP in a folder that is removed when the test ends. */
export async function tinyClip(options: TinyClipOptions = {}): Promise<string> {
  const folder = await temporaryFolder();
  await makeTinyClip(folder, options);
  return folder;
}

export async function editJson(file: string, edit: (json: Json) => void): Promise<void> {
  const json = JSON.parse(await readFile(file, "utf8")) as Json;
  edit(json);
  await writeFile(file, JSON.stringify(json));
}

export async function editTensors(
  folder: string,
  edit: (tensors: Record<string, TensorToWrite>) => void,
): Promise<void> {
  const header = await readSafetensorsHeader(join(folder, "model.safetensors"));
  const tensors: Record<string, TensorToWrite> = {};
  for (const [name, { shape }] of header.tensors)
    tensors[name] = { shape, data: await readTensor(header, name) };
  edit(tensors);
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
}
