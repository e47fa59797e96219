import { type FileHandle, open } from "node:fs/promises";
import { FileError } from "../../errors.ts";
import { bytesPerElement, isSafetensorsDType, type SafetensorsDType } from "./dtypes.ts";

/** One tensor of a safetensors file. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

export interface SafetensorsHeader {
  readonly file: string;
  /** Bytes of the JSON header, without the 8-byte size before it. */
  readonly headerLength: number;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit. */
const LARGEST_HEADER = 100_000_000;
const HINT = "download or copy the file again";

/**
 * Reads and checks the header of a safetensors file: what it says must be exactly what the file holds.
 * Format: https://github.com/huggingface/safetensors#format
 * @throws FileError naming the file (and the tensor) when it is missing, truncated or corrupt
 */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  let handle: FileHandle;
  try {
    handle = await open(file, "r");
  } catch (cause) {
    throw cannotOpen(file, cause);
  }
  try {
    const { size } = await handle.stat();
    const headerLength = await readHeaderLength(handle, file, size);
    const text = await readExactly(handle, file, 8, headerLength);
    const entries = parseHeader(file, text);
    const start = 8 + headerLength;
    const { __metadata__: metadata = {}, ...descriptions } = entries;
    const tensors = new Map(
      Object.entries(descriptions).map(([name, description]) => [
        name,
        readEntry(file, name, description, start),
      ]),
    );
    checkLayout(file, tensors, start, size);
    return { file, headerLength, tensors, metadata: readMetadata(file, metadata) };
  } catch (error) {
    throw error instanceof FileError ? error : cannotOpen(file, error);
  } finally {
    await handle.close();
  }
}

export function cannotOpen(file: string, cause: unknown): FileError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT")
    return new FileError(file, "there is no such file", { hint: "check the path", cause });
  if (code === "EISDIR")
    return new FileError(file, "is a folder, not a file", { hint: "check the path", cause });
  return new FileError(file, `cannot be opened (${code ?? cause})`, { hint: "check its permissions", cause });
}

async function readHeaderLength(handle: FileHandle, file: string, size: number): Promise<number> {
  if (size < 8) {
    throw new FileError(file, `is truncated: ${size} bytes, a safetensors file has at least 8`, {
      hint: HINT,
    });
  }
  const length = (await readExactly(handle, file, 0, 8)).readBigUInt64LE(0);
  if (length > LARGEST_HEADER) {
    throw new FileError(
      file,
      `is not a safetensors file: its first 8 bytes give a header of ${length} bytes`,
      {
        hint: "check that it is a .safetensors file and not, say, a pointer of git-lfs or an error page",
      },
    );
  }
  if (8n + length > BigInt(size)) {
    throw new FileError(file, `is truncated: ${size} bytes, its header alone takes ${8n + length}`, {
      hint: HINT,
    });
  }
  return Number(length);
}

export async function readExactly(
  handle: FileHandle,
  file: string,
  offset: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, Math.min(length - done, 2 ** 30), offset + done);
    if (bytesRead === 0)
      throw new FileError(file, `ends after ${offset + done} bytes while being read`, { hint: HINT });
    done += bytesRead;
  }
  return buffer;
}

function parseHeader(file: string, bytes: Buffer): Record<string, unknown> {
  let text: string;
  let parsed: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new FileError(file, "has a corrupt header: it is not JSON", { hint: HINT, cause });
  }
  if (!isObject(parsed))
    throw new FileError(file, "has a corrupt header: it is not a JSON object", { hint: HINT });
  // JSON.parse keeps the last of equal keys; which one another reader keeps is anyone's guess.
  if (keysIn(text) !== keysOf(parsed))
    throw new FileError(file, "has a corrupt header: a key is in it twice", { hint: HINT });
  return parsed;
}

/** Keys written in JSON text that is known to parse. */
function keysIn(text: string): number {
  let keys = 0;
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (colon) keys++;
  return keys;
}

/** Keys of all objects in a parsed value, which may be nested deeper than calls can be. */
function keysOf(root: unknown): number {
  let keys = 0;
  const left = [root];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null) continue;
    if (!Array.isArray(value)) keys += Object.keys(value).length;
    for (const item of Object.values(value)) left.push(item);
  }
  return keys;
}

function readMetadata(file: string, metadata: unknown): Readonly<Record<string, string>> {
  if (isObject(metadata) && Object.values(metadata).every((value) => typeof value === "string")) {
    return metadata as Record<string, string>;
  }
  throw new FileError(file, "has a corrupt header: __metadata__ must map strings to strings", { hint: HINT });
}

function readEntry(file: string, name: string, description: unknown, start: number): SafetensorsEntry {
  const fail = (problem: string): never => {
    throw new FileError(file, `tensor "${name}": ${problem}`, { hint: HINT });
  };
  if (!isObject(description)) return fail("its description is not a JSON object");
  const { dtype, shape, data_offsets: offsets } = description;
  if (!isSafetensorsDType(dtype)) {
    return fail(`unknown dtype ${JSON.stringify(dtype)}; known: ${Object.keys(bytesPerElement).join(", ")}`);
  }
  if (!isCounts(shape)) return fail("its shape is not a list of sizes");
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[1]! < offsets[0]!) {
    return fail("its data_offsets are not [begin, end]");
  }
  const [begin, end] = offsets as [number, number];
  const needed = shape.reduce((product, size) => product * size, bytesPerElement[dtype]);
  if (end - begin !== needed) {
    return fail(`${dtype}[${shape}] takes ${needed} bytes, but its data_offsets span ${end - begin}`);
  }
  return { dtype, shape, offset: start + begin, length: end - begin };
}

/** The data must be covered exactly: no overlap, no hole, nothing missing, nothing left over. */
function checkLayout(
  file: string,
  tensors: ReadonlyMap<string, SafetensorsEntry>,
  start: number,
  size: number,
): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  let [end, previous] = [start, ""];
  for (const [name, { offset, length }] of ordered) {
    if (offset < end)
      throw new FileError(file, `tensors "${previous}" and "${name}" overlap`, { hint: HINT });
    if (offset > end) {
      throw new FileError(file, `has ${offset - end} bytes before tensor "${name}" that belong to none`, {
        hint: HINT,
      });
    }
    [end, previous] = [offset + length, name];
    if (end > size) {
      throw new FileError(file, `is truncated: tensor "${name}" ends at byte ${end}, the file at ${size}`, {
        hint: HINT,
      });
    }
  }
  if (end < size) {
    throw new FileError(file, `has ${size - end} bytes after the last tensor that belong to none`, {
      hint: HINT,
    });
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
