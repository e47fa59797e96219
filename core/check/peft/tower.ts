import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGraph, sizeOf } from "../../graph/index.ts";
import { readSafetensorsHeader, writeSafetensors } from "../../models/checkpoint/safetensors.ts";
import type { LocateTensor } from "../../models/frozen-weights.ts";
import { type ImageTowerShape, imageTower } from "../../models/towers/index.ts";
import { uniformFrom } from "../../training/random.ts";

/** Small, but with several blocks, heads and patches. */
export const TOWER: ImageTowerShape = {
  width: 8,
  layers: 3,
  heads: 2,
  mlpWidth: 16,
  patchSize: 2,
  imageSize: 4,
  channels: 1,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
};

/** A tower of that shape with random weights in a file, since methods that train weights read them from one. */
export async function openTower(): Promise<{ readonly locate: LocateTensor; close(): Promise<void> }> {
  const shapes = new Map<string, readonly number[]>();
  const g = createGraph();
  const { channels, imageSize, width } = TOWER;
  imageTower(
    g,
    TOWER,
    (name, shape, view = shape) => {
      shapes.set(name, shape);
      return g.constant(new Float32Array(sizeOf(view)), view);
    },
    g.input("pixels", "float32", [1, channels, imageSize, imageSize]),
  );
  const uniform = uniformFrom("check a PEFT method", "tower");
  const tensors = [...shapes].map(([name, shape]) => {
    const centre = /norm.*weight$/.test(name) ? 1 : 0;
    const data = Float32Array.from(
      { length: sizeOf(shape) },
      () => centre + (2 * uniform() - 1) / Math.sqrt(width),
    );
    return [name, { dtype: "F32" as const, shape: [...shape], data }] as const;
  });
  const folder = await mkdtemp(join(tmpdir(), "dualtail-check-"));
  const file = join(folder, "model.safetensors");
  await writeSafetensors(file, Object.fromEntries(tensors), {});
  const header = await readSafetensorsHeader(file);
  return {
    locate: (name) => {
      const { offset, length, shape } = header.tensors.get(name)!;
      return { file, offset, length, dtype: "float32", shape };
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
