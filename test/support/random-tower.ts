import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGraph, sizeOf } from "../../core/graph/index.ts";
import { readSafetensorsHeader, writeSafetensors } from "../../core/models/checkpoint/safetensors.ts";
import type { LocateTensor } from "../../core/models/frozen-weights.ts";
import { type ImageTowerShape, imageTower } from "../../core/models/towers/index.ts";
import { uniformFrom } from "../../core/training/random.ts";

export interface RandomTower {
  readonly locate: LocateTensor;
  remove(): Promise<void>;
}

/** An image tower of any shape with random weights in a real safetensors file, in a temporary folder. */
export async function randomTower(shape: ImageTowerShape): Promise<RandomTower> {
  const folder = await mkdtemp(join(tmpdir(), "dualtail-tower-"));
  const file = join(folder, "model.safetensors");
  const g = createGraph();
  const shapes = new Map<string, readonly number[]>();
  imageTower(
    g,
    shape,
    (name, dims, view = dims) => {
      shapes.set(name, dims);
      return g.constant(new Float32Array(sizeOf(view)), view);
    },
    g.input("pixels", "float32", [1, shape.channels, shape.imageSize, shape.imageSize]),
  );
  const uniform = uniformFrom(0, "random tower");
  const scale = 2 / Math.sqrt(shape.width);
  const tensors = [...shapes].map(([name, dims]) => {
    const offset = /norm.*weight/.test(name) ? 1 : 0;
    const data = Float32Array.from({ length: sizeOf(dims) }, () => offset + (uniform() - 0.5) * scale);
    return [name, { dtype: "F32" as const, shape: [...dims], data }] as const;
  });
  await writeSafetensors(file, Object.fromEntries(tensors), {});
  const header = await readSafetensorsHeader(file);
  return {
    locate: (name) => {
      const { offset, length, shape: dims } = header.tensors.get(name)!;
      return { file, offset, length, dtype: "float32", shape: dims };
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
