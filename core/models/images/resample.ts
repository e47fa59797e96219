import type { Filter } from "../checkpoint/preprocessor-config.ts";
import { type Coefficients, coefficientsFor, PRECISION } from "./coefficients.ts";
import type { DecodedImage } from "./decoded-image.ts";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface ResampleOptions {
  /** Part of the image that is scaled, as if cut out first. */
  readonly box: Box;
  /** Size that the box is scaled to. */
  readonly width: number;
  readonly height: number;
  /** Part of the scaled image that is wanted; only that is computed. */
  readonly window: Box;
  readonly filter: Filter;
}

/** Working memory that a series of calls shares; grows as needed. */
export interface Scratch {
  columns: Uint8Array;
  result: Uint8Array;
}

export const createScratch = (): Scratch => ({ columns: new Uint8Array(0), result: new Uint8Array(0) });

const HALF = 2 ** (PRECISION - 1);

/**
 * Antialiased, separable resampling of uint8 pixels, equal to Pillow's `resize`: first along rows, rounded to uint8,
 * then along columns.
 * @returns the window's pixels, interleaved; valid until the next call with the same scratch
 */
export function resample(image: DecodedImage, options: ResampleOptions, scratch: Scratch): Uint8Array {
  const { box, width, height, window, filter } = options;
  const { channels } = image;
  const vertical = coefficientsFor(box.height, height, filter);
  const scaledVertically = height !== box.height;
  // Rows of the box that the window needs.
  const lastRow = window.top + window.height - 1;
  const first = scaledVertically ? vertical.starts[window.top]! : window.top;
  const end = scaledVertically ? vertical.starts[lastRow]! + vertical.counts[lastRow]! : lastRow + 1;
  const rows = end - first;

  const rowLength = window.width * channels;
  scratch.columns = atLeast(scratch.columns, rows * rowLength);
  scratch.result = atLeast(scratch.result, window.height * rowLength);
  const top = box.top + first;
  if (width === box.width) copyRows(image, box.left + window.left, top, rows, rowLength, scratch.columns);
  else
    scaleRows(image, coefficientsFor(box.width, width, filter), box.left, top, rows, window, scratch.columns);
  if (!scaledVertically) return scratch.columns.subarray(0, window.height * rowLength);
  scaleColumns(scratch.columns, vertical, first, rowLength, window, scratch.result);
  return scratch.result.subarray(0, window.height * rowLength);
}

const atLeast = (buffer: Uint8Array, length: number): Uint8Array =>
  buffer.length < length ? new Uint8Array(length) : buffer;

function copyRows(
  image: DecodedImage,
  left: number,
  top: number,
  rows: number,
  rowLength: number,
  out: Uint8Array,
): void {
  for (let y = 0; y < rows; y++) {
    const from = ((top + y) * image.width + left) * image.channels;
    out.set(image.data.subarray(from, from + rowLength), y * rowLength);
  }
}

function scaleRows(
  { data, width: stride, channels }: DecodedImage,
  { taps, starts, weights, counts }: Coefficients,
  left: number,
  top: number,
  rows: number,
  window: Box,
  out: Uint8Array,
): void {
  const end = window.left + window.width;
  let at = 0;
  for (let y = 0; y < rows; y++) {
    const row = ((top + y) * stride + left) * channels;
    for (let x = window.left; x < end; x++) {
      const weight = x * taps;
      const count = counts[x]!;
      const from = row + starts[x]! * channels;
      for (let c = 0; c < channels; c++) {
        let sum = HALF;
        for (let t = 0, p = from + c; t < count; t++, p += channels) sum += data[p]! * weights[weight + t]!;
        out[at++] = clamp(sum >> PRECISION);
      }
    }
  }
}

function scaleColumns(
  columns: Uint8Array,
  { taps, starts, weights, counts }: Coefficients,
  first: number,
  rowLength: number,
  window: Box,
  out: Uint8Array,
): void {
  let at = 0;
  for (let y = window.top; y < window.top + window.height; y++) {
    const weight = y * taps;
    const count = counts[y]!;
    const from = (starts[y]! - first) * rowLength;
    for (let x = 0; x < rowLength; x++) {
      let sum = HALF;
      for (let t = 0, p = from + x; t < count; t++, p += rowLength) sum += columns[p]! * weights[weight + t]!;
      out[at++] = clamp(sum >> PRECISION);
    }
  }
}

const clamp = (value: number): number => Math.max(0, Math.min(255, value));
