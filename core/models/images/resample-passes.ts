import { type Coefficients, PRECISION } from "./coefficients.ts";
import type { DecodedImage } from "./decoded-image.ts";
import type { Box } from "./resample.ts";

// The loops that a training spends its preprocessing in. Integer arithmetic is spelled out (Math.imul, | 0), or V8 checks
// every product for overflow and is ten times slower; results are clamped to uint8 by the type of the array they go to.

// A constant of this file: some loaders (vitest's) turn imports into property look-ups, which these loops would feel.
const SHIFT: number = PRECISION;
const HALF = 1 << (PRECISION - 1);

/** Rows of an image from `top` on; `left` is where column 0 of the scaled box lies. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly rows: number;
  readonly window: Box;
}

export function copyRows(
  { data, width: stride, channels }: DecodedImage,
  { left, top, rows, window }: Area,
  out: Uint8ClampedArray,
): void {
  const rowLength = window.width * channels;
  for (let y = 0; y < rows; y++) {
    const from = ((top + y) * stride + left + window.left) * channels;
    out.set(data.subarray(from, from + rowLength), y * rowLength);
  }
}

export function scaleRows(
  image: DecodedImage,
  coefficients: Coefficients,
  area: Area,
  out: Uint8ClampedArray,
): void {
  (image.channels === 3 ? scaleColourRows : scaleGreyRows)(image, coefficients, area, out);
}

function scaleColourRows(
  { data, width: stride }: DecodedImage,
  { taps, starts, weights, counts }: Coefficients,
  { left, top, rows, window }: Area,
  out: Uint8ClampedArray,
): void {
  const end = window.left + window.width;
  let at = 0;
  for (let y = 0; y < rows; y++) {
    const row = Math.imul(Math.imul(top + y, stride) + left, 3);
    for (let x = window.left; x < end; x++) {
      let weight = Math.imul(x, taps);
      const last = (weight + counts[x]!) | 0;
      let p = (row + Math.imul(starts[x]!, 3)) | 0;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (; weight < last; weight = (weight + 1) | 0, p = (p + 3) | 0) {
        const w = weights[weight]!;
        red = (red + Math.imul(data[p]!, w)) | 0;
        green = (green + Math.imul(data[p + 1]!, w)) | 0;
        blue = (blue + Math.imul(data[p + 2]!, w)) | 0;
      }
      out[at] = red >> SHIFT;
      out[at + 1] = green >> SHIFT;
      out[at + 2] = blue >> SHIFT;
      at = (at + 3) | 0;
    }
  }
}

function scaleGreyRows(
  { data, width: stride }: DecodedImage,
  { taps, starts, weights, counts }: Coefficients,
  { left, top, rows, window }: Area,
  out: Uint8ClampedArray,
): void {
  const end = window.left + window.width;
  let at = 0;
  for (let y = 0; y < rows; y++) {
    const row = (Math.imul(top + y, stride) + left) | 0;
    for (let x = window.left; x < end; x++) {
      let weight = Math.imul(x, taps);
      const last = (weight + counts[x]!) | 0;
      let p = (row + starts[x]!) | 0;
      let sum = HALF;
      for (; weight < last; weight = (weight + 1) | 0, p = (p + 1) | 0) {
        sum = (sum + Math.imul(data[p]!, weights[weight]!)) | 0;
      }
      out[at] = sum >> SHIFT;
      at = (at + 1) | 0;
    }
  }
}

/** `columns` starts with row `first` of the box. */
export function scaleColumns(
  columns: Uint8ClampedArray,
  { taps, starts, weights, counts }: Coefficients,
  first: number,
  rowLength: number,
  window: Box,
  out: Uint8ClampedArray,
): void {
  let at = 0;
  for (let y = window.top; y < window.top + window.height; y++, at += rowLength) {
    const weight = y * taps;
    const from = (starts[y]! - first) * rowLength;
    mixRows(columns, from, rowLength, weights.subarray(weight, weight + counts[y]!), out, at);
  }
}

/** out = Σ_t weights[t] · row t. The few rows that most scales need are added in one go. */
function mixRows(
  c: Uint8ClampedArray,
  r0: number,
  length: number,
  weights: Int32Array,
  out: Uint8ClampedArray,
  at: number,
): void {
  const count = weights.length;
  const w0 = weights[0]!;
  const w1 = weights[1] ?? 0;
  const w2 = weights[2] ?? 0;
  const w3 = weights[3] ?? 0;
  const r1 = (r0 + length) | 0;
  const r2 = (r1 + length) | 0;
  const r3 = (r2 + length) | 0;
  if (count === 1) {
    for (let x = 0; x < length; x++) out[at + x] = (HALF + Math.imul(w0, c[r0 + x]!)) >> SHIFT;
  } else if (count === 2) {
    for (let x = 0; x < length; x++) {
      const sum = (HALF + Math.imul(w0, c[r0 + x]!)) | 0;
      out[at + x] = (sum + Math.imul(w1, c[r1 + x]!)) >> SHIFT;
    }
  } else if (count === 3) {
    for (let x = 0; x < length; x++) {
      const sum = (((HALF + Math.imul(w0, c[r0 + x]!)) | 0) + Math.imul(w1, c[r1 + x]!)) | 0;
      out[at + x] = (sum + Math.imul(w2, c[r2 + x]!)) >> SHIFT;
    }
  } else {
    for (let x = 0; x < length; x++) {
      let sum = (((HALF + Math.imul(w0, c[r0 + x]!)) | 0) + Math.imul(w1, c[r1 + x]!)) | 0;
      sum = (((sum + Math.imul(w2, c[r2 + x]!)) | 0) + Math.imul(w3, c[r3 + x]!)) | 0;
      for (let t = 4, p = (r3 + length + x) | 0; t < count; t++, p = (p + length) | 0) {
        sum = (sum + Math.imul(weights[t]!, c[p]!)) | 0;
      }
      out[at + x] = sum >> SHIFT;
    }
  }
}
