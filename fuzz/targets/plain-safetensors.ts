/**
 * A second reading of the safetensors format, straight from its description and with nothing of dualtail's: what both
 * must agree on. https://github.com/huggingface/safetensors#format
 */
export interface PlainTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

const SIZES: Readonly<Record<string, number>> = Object.assign(Object.create(null), {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, U16: 2, I16: 2, F16: 2, BF16: 2 },
  ...{ U32: 4, I32: 4, F32: 4, U64: 8, I64: 8, F64: 8 },
});

/** The tensors of a file, or undefined when it is not a safetensors file. */
export function plainSafetensors(file: Buffer): Map<string, PlainTensor> | undefined {
  if (file.length < 8) return undefined;
  const length = file.readBigUInt64LE(0);
  if (length > 100_000_000n || 8n + length > BigInt(file.length)) return undefined;
  const start = 8 + Number(length);
  const header = parse(file.subarray(8, start));
  if (header === undefined) return undefined;
  const tensors = new Map<string, PlainTensor>();
  const spans: [number, number][] = [];
  for (const name of Object.keys(header)) {
    const entry = header[name];
    if (!isObject(entry)) return undefined;
    if (name === "__metadata__") {
      if (Object.values(entry).some((value) => typeof value !== "string")) return undefined;
      continue;
    }
    const { dtype, shape, data_offsets: span } = entry;
    if (typeof dtype !== "string" || SIZES[dtype] === undefined || !areSizes(shape)) return undefined;
    if (!areSizes(span) || span.length !== 2) return undefined;
    const [begin, end] = span as [number, number];
    // BigInt: a product of sizes may be beyond what a number holds exactly.
    const needed = shape.reduce((product, size) => product * BigInt(size), BigInt(SIZES[dtype]));
    if (end < begin || BigInt(end - begin) !== needed || start + end > file.length) return undefined;
    spans.push([begin, end]);
    tensors.set(name, { dtype, shape, bytes: file.subarray(start + begin, start + end) });
  }
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let at = 0;
  for (const [begin, end] of spans) {
    if (begin !== at) return undefined;
    at = end;
  }
  return start + at === file.length ? tensors : undefined;
}

function parse(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = JSON.parse(text) as unknown;
    return isObject(value) && keysIn(text) === keysOf(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Keys that are written in JSON text; a repeated one counts each time. */
function keysIn(text: string): number {
  let keys = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '"') continue;
    i++;
    while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
    if (/^\s*:/.test(text.slice(i + 1, i + 40))) keys++;
  }
  return keys;
}

const keysOf = (value: unknown): number =>
  typeof value !== "object" || value === null
    ? 0
    : Object.values(value).reduce(
        (sum: number, item) => sum + keysOf(item),
        Array.isArray(value) ? 0 : Object.keys(value).length,
      );

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const areSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
