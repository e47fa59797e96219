import { DualtailError } from "../../errors.ts";
import { bytesPerElement, type SafetensorsDType } from "./dtypes.ts";
import { floatToBfloat, floatToHalf } from "./half.ts";
import { writeAtomically } from "./write-atomically.ts";

export type TensorArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array;

export interface TensorToWrite {
  readonly shape: readonly number[];
  readonly data: TensorArray;
  /**
   * Default: the array's own type (Uint16Array: F16 bits). A Float32Array may also be written as F16 or BF16, rounded
   * to nearest even; a Uint16Array as BF16 or U16 bits, a Uint8Array as BOOL.
   */
  readonly dtype?: SafetensorsDType;
}

/**
 * Writes a safetensors file, whole or not at all. Equal input gives equal bytes: tensors are ordered by element size
 * (largest first, which keeps all of them aligned), then by name.
 * @throws DualtailError for a tensor whose data does not fit its shape; FileError when the file cannot be written
 */
export async function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, TensorToWrite>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeAtomically(file, [...encodeSafetensors(tensors, metadata)]);
}

function* encodeSafetensors(
  tensors: Readonly<Record<string, TensorToWrite>>,
  metadata: Readonly<Record<string, string>>,
): Generator<Uint8Array> {
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const { dtype, bytes } = encodeTensor(name, tensor);
    return { name, dtype, shape: tensor.shape, bytes };
  });
  entries.sort((a, b) => bytesPerElement[b.dtype] - bytesPerElement[a.dtype] || compare(a.name, b.name));

  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) {
    header.__metadata__ = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => compare(a, b)));
  }
  let end = 0;
  for (const { name, dtype, shape, bytes } of entries) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.byteLength] };
    end += bytes.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  padded.writeBigUInt64LE(BigInt(padded.length - 8));
  json.copy(padded, 8);
  yield padded;
  for (const { bytes } of entries) yield bytes;
}

function encodeTensor(
  name: string,
  { shape, data, dtype }: TensorToWrite,
): { dtype: SafetensorsDType; bytes: Uint8Array } {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (name === "__metadata__") throw new DualtailError('a tensor cannot be called "__metadata__"');
  if (elements !== data.length) {
    throw new DualtailError(
      `tensor "${name}": shape [${shape}] has ${elements} elements, its data ${data.length}`,
    );
  }
  const own = nativeDType(data);
  const target = dtype ?? own;
  if (data instanceof Float32Array && target === "F16")
    return { dtype: target, bytes: bytesOf(Uint16Array.from(data, floatToHalf)) };
  if (data instanceof Float32Array && target === "BF16")
    return { dtype: target, bytes: bytesOf(Uint16Array.from(data, floatToBfloat)) };
  const sameBits =
    target === own ||
    (data instanceof Uint16Array && (target === "BF16" || target === "U16")) ||
    (data instanceof Uint8Array && target === "BOOL");
  if (!sameBits)
    throw new DualtailError(`tensor "${name}": ${data.constructor.name} cannot be written as ${target}`);
  return { dtype: target, bytes: bytesOf(data) };
}

function nativeDType(data: TensorArray): SafetensorsDType {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Float64Array) return "F64";
  if (data instanceof BigInt64Array) return "I64";
  if (data instanceof Int32Array) return "I32";
  return data instanceof Uint16Array ? "F16" : "U8";
}

const bytesOf = (data: TensorArray): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

// By code units: independent of the locale.
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
