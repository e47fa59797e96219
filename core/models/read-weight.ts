import { open } from "node:fs/promises";
import { FileError } from "../errors.ts";
import type { DType } from "../graph/index.ts";
import { bfloatsToFloats, halvesToFloats } from "./checkpoint/half.ts";
import { cannotOpen, readExactly } from "./checkpoint/safetensors-header.ts";
import type { TensorLocation } from "./frozen-weights.ts";

const readers: Partial<Record<DType, (bytes: Buffer) => Float32Array>> = {
  float32: ({ buffer }) => new Float32Array(buffer as ArrayBuffer),
  float64: ({ buffer }) => Float32Array.from(new Float64Array(buffer)),
  float16: ({ buffer }) => halvesToFloats(new Uint16Array(buffer)),
  bfloat16: ({ buffer }) => bfloatsToFloats(new Uint16Array(buffer)),
};

/**
 * The values at a location as float32, half precision widened, in the order of the location's shape: what a weight of
 * the checkpoint starts from when it is trained.
 * @throws FileError when the file cannot be read, or its elements are no floating-point numbers
 */
export async function readWeight(location: TensorLocation): Promise<Float32Array> {
  if (location.data !== undefined) return Float32Array.from(location.data);
  const values = await readStored(location);
  if (!location.transposed) return values;
  const [rows, columns] = location.shape as [number, number];
  return values.map((_, i) => values[(i % columns) * rows + Math.floor(i / columns)]!);
}

async function readStored({ file, offset, length, dtype }: TensorLocation): Promise<Float32Array> {
  const read = readers[dtype];
  if (read === undefined) throw new FileError(file, `holds ${dtype} where a weight to train should be`);
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw cannotOpen(file, cause);
  });
  try {
    return read(await readExactly(handle, file, offset, length));
  } finally {
    await handle.close();
  }
}
