/**
 * Half-precision bits ↔ float32 values, IEEE 754 binary16 ("F16") and the upper half of binary32 ("BF16"), rounding to
 * nearest even. Node 20 has no Float16Array.
 */

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  // Without an implicit leading one: subnormal.
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

export function floatToHalf(value: number): number {
  floats[0] = value;
  const word = words[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13);
  // Subnormal: the value in units of 2^-24.
  return sign | roundEven(Math.abs(floats[0]!) * 2 ** 24);
}

export function bfloatToFloat(bits: number): number {
  words[0] = bits << 16;
  return floats[0]!;
}

export function floatToBfloat(value: number): number {
  floats[0] = value;
  const word = words[0]!;
  if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
  return roundShift(word, 16);
}

const tables = new Map<(bits: number) => number, Float32Array>();

/** Half-precision bits to float32. By a table of all 65,536, since a model has far more weights than that. */
const widen = (convert: (bits: number) => number, half: Uint16Array): Float32Array => {
  const table = tables.get(convert) ?? Float32Array.from({ length: 2 ** 16 }, (_, bits) => convert(bits));
  tables.set(convert, table);
  const out = new Float32Array(half.length);
  for (let i = 0; i < half.length; i++) out[i] = table[half[i]!]!;
  return out;
};

export const halvesToFloats = (half: Uint16Array): Float32Array => widen(halfToFloat, half);
export const bfloatsToFloats = (half: Uint16Array): Float32Array => widen(bfloatToFloat, half);

/** word / 2^bits to the nearest integer, ties to even. */
function roundShift(word: number, bits: number): number {
  const half = 2 ** (bits - 1);
  const odd = (word >>> bits) & 1;
  return Math.floor((word + half - 1 + odd) / 2 ** bits);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
