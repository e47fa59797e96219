import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  readSafetensorsHeader,
  readTensor,
  type TensorToWrite,
  writeSafetensors,
} from "../../core/models/checkpoint/safetensors.ts";

/** Splits a Hugging Face folder's weights into three files with an index, dtypes kept. */
export async function shardClip(folder: string): Promise<void> {
  const whole = join(folder, "model.safetensors");
  const header = await readSafetensorsHeader(whole);
  const map: Record<string, string> = {};
  const shards: Record<string, Record<string, TensorToWrite>> = {};
  for (const [i, [name, { dtype, shape }]] of [...header.tensors].entries()) {
    const file = `model-0000${1 + (i % 3)}-of-00003.safetensors`;
    map[name] = file;
    shards[file] = { ...shards[file], [name]: { dtype, shape, data: await readTensor(header, name) } };
  }
  for (const [file, tensors] of Object.entries(shards)) await writeSafetensors(join(folder, file), tensors);
  await writeFile(
    join(folder, "model.safetensors.index.json"),
    JSON.stringify({ metadata: {}, weight_map: map }),
  );
  await rm(whole);
}
