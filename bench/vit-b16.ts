import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGraph, type DType, sizeOf } from "../core/graph/index.ts";
import { readSafetensorsHeader, writeSafetensors } from "../core/models/checkpoint/safetensors.ts";
import type { LocateTensor } from "../core/models/frozen-weights.ts";
import { imageTower } from "../core/models/towers/index.ts";
import { uniformFrom } from "../core/training/random.ts";

/** ViT-B/16 at 224 pixels, as in CLIP. */
export const vitB16 = {
  width: 768,
  layers: 12,
  heads: 12,
  mlpWidth: 3072,
  patchSize: 16,
  imageSize: 224,
  channels: 3,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
} as const;

/** Random weights of the right shapes in a real safetensors file: speed does not depend on the values. */
export async function randomCheckpoint(): Promise<{ locate: LocateTensor; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "dualtail-bench-"));
  const file = join(folder, "model.safetensors");
  const g = createGraph();
  const shapes = new Map<string, readonly number[]>();
  imageTower(
    g,
    vitB16,
    (name, shape, view = shape) => {
      shapes.set(name, shape);
      return g.constant(new Float32Array(sizeOf(view)), view);
    },
    g.input("pixels", "float32", [1, 3, 224, 224]),
  );
  const uniform = uniformFrom(0, "bench");
  const tensors = Object.fromEntries(
    [...shapes].map(([name, shape]) => [
      name,
      {
        dtype: "F32" as const,
        shape: [...shape],
        data: Float32Array.from({ length: sizeOf(shape) }, () => (uniform() - 0.5) * 0.05),
      },
    ]),
  );
  await writeSafetensors(file, tensors, {});
  const header = await readSafetensorsHeader(file);
  return {
    locate: (name) => {
      const tensor = header.tensors.get(name)!;
      return {
        file,
        offset: tensor.offset,
        length: tensor.length,
        dtype: "float32" as DType,
        shape: tensor.shape,
      };
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
