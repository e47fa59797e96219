import { readSafetensorsHeader } from "../core/models/checkpoint/safetensors.ts";
import type { LocateTensor } from "../core/models/frozen-weights.ts";

/** The tensors of a float32 safetensors file. */
export async function towerFile(file: string): Promise<LocateTensor> {
  const header = await readSafetensorsHeader(file);
  return (name) => {
    const { offset, length, shape } = header.tensors.get(name)!;
    return { file, offset, length, dtype: "float32", shape };
  };
}
