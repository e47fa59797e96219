/** An array in a golden file: base64 of little-endian float32, row-major. */
export interface GoldenArray {
  readonly shape: readonly number[];
  readonly data: string;
}

export const unpackFloat32 = (packed: string): Float32Array =>
  new Float32Array(Uint8Array.from(Buffer.from(packed, "base64")).buffer);

export const unpackFloat64 = (packed: string): Float64Array =>
  new Float64Array(Uint8Array.from(Buffer.from(packed, "base64")).buffer);
