import { existsSync } from "node:fs";
import { join } from "node:path";
import { FileError } from "../../errors.ts";
import { readSafetensorsHeader, readTensor, writeSafetensors } from "../../models/checkpoint/safetensors.ts";
import type { TextFeatures } from "../../models/embed-texts.ts";
import type { Strata } from "../../plugin-api/index.ts";

/** In the folder of a trained cell whose loss has strata inside the backbone. */
export const STRATA_FILE = "strata.safetensors";
const [MASSES, TEXTS, TENSOR] = ["masses", "texts", "tensor."];

/** Estimated strata, and the text features [K × projectionDim] that frozen zero-shot logits are made with. */
export interface SavedStrata {
  readonly found: Strata;
  readonly texts: TextFeatures;
}

/** Writes `strata.safetensors` into a folder. */
export async function writeStrataFile(folder: string, { found, texts }: SavedStrata): Promise<string> {
  const file = join(folder, STRATA_FILE);
  const tensors = Object.entries(found.tensors).map(([name, tensor]) => [TENSOR + name, tensor] as const);
  await writeSafetensors(file, {
    [MASSES]: { shape: [found.masses.length], data: found.masses },
    [TEXTS]: { shape: [texts.classes, texts.width], data: texts.features },
    ...Object.fromEntries(tensors),
  });
  return file;
}

/** Undefined when the folder has none. @throws FileError when it is broken */
export async function readStrataFile(folder: string): Promise<SavedStrata | undefined> {
  const file = join(folder, STRATA_FILE);
  if (!existsSync(file)) return undefined;
  const header = await readSafetensorsHeader(file);
  const shape = header.tensors.get(TEXTS)?.shape;
  if (shape?.length !== 2)
    throw new FileError(file, `has no matrix "${TEXTS}"`, { hint: "train the cell anew" });
  const [classes, width] = shape as readonly [number, number];
  const tensors: Record<string, Strata["tensors"][string]> = {};
  for (const [name, entry] of header.tensors) {
    if (!name.startsWith(TENSOR)) continue;
    tensors[name.slice(TENSOR.length)] = { shape: entry.shape, data: await readTensor(header, name) };
  }
  return {
    found: { masses: await readTensor(header, MASSES), tensors },
    texts: { features: await readTensor(header, TEXTS), classes, width },
  };
}
