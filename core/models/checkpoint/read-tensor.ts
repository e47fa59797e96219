import { open } from "node:fs/promises";
import { FileError } from "../../errors.ts";
import type { SafetensorsDType } from "./dtypes.ts";
import { bfloatsToFloats, halvesToFloats } from "./half.ts";
import { cannotOpen, readExactly, type SafetensorsHeader } from "./safetensors-header.ts";

const readers: Partial<Record<SafetensorsDType, (bytes: Buffer) => ArrayLike<number>>> = {
  F32: ({ buffer }) => new Float32Array(buffer),
  F64: ({ buffer }) => new Float64Array(buffer),
  F16: ({ buffer }) => halvesToFloats(new Uint16Array(buffer)),
  BF16: ({ buffer }) => bfloatsToFloats(new Uint16Array(buffer)),
  I64: ({ buffer }) => Float64Array.from(new BigInt64Array(buffer), Number),
  I32: ({ buffer }) => new Int32Array(buffer),
  U8: (bytes) => bytes,
  BOOL: (bytes) => bytes,
};

/**
 * A tensor's values as float32 (half precision widened), row-major. For the few small tensors that are needed outside
 * a graph; graphs read weights from the file themselves.
 * @throws FileError when there is no such tensor, or its element type has no float32 reading
 */
export async function readTensor(header: SafetensorsHeader, name: string): Promise<Float32Array> {
  const values = await readRaw(header, name);
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

async function readRaw({ file, tensors }: SafetensorsHeader, name: string): Promise<ArrayLike<number>> {
  const entry = tensors.get(name);
  if (entry === undefined) throw new FileError(file, `has no tensor "${name}"`);
  const read = readers[entry.dtype];
  if (read === undefined)
    throw new FileError(file, `tensor "${name}": ${entry.dtype} cannot be read as numbers`);
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw cannotOpen(file, cause);
  });
  try {
    return read(await readExactly(handle, file, entry.offset, entry.length));
  } finally {
    await handle.close();
  }
}
