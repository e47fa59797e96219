import type { Filter } from "../checkpoint/preprocessor-config.ts";
import { type Coefficients, coefficientsFor } from "./coefficients.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { copyRows, scaleColumns, scaleRows } from "./resample-passes.ts";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface ResampleOptions {
  /** Part of the image that is scaled, as if cut out first. Only what the window needs of it must be in the image. */
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
  columns: Uint8ClampedArray;
  result: Uint8ClampedArray;
}

export const createScratch = (): Scratch => ({
  columns: new Uint8ClampedArray(0),
  result: new Uint8ClampedArray(0),
});

/**
 * Antialiased, separable resampling of uint8 pixels, equal to Pillow's `resize`: first along rows, rounded to uint8,
 * then along columns.
 * @returns the window's pixels, interleaved; valid until the next call with the same scratch
 */
export function resample(image: DecodedImage, options: ResampleOptions, scratch: Scratch): Uint8Array {
  const { box, width, height, window } = options;
  const { channels } = image;
  const [horizontal, vertical] = coefficientsOf(options);
  const rows = spanOf(vertical, window.top, window.height);
  const rowLength = window.width * channels;
  const top = box.top + rows.start;
  const area = { left: box.left, top, rows: rows.length, window };
  scratch.columns = atLeast(scratch.columns, rows.length * rowLength);
  if (width === box.width) copyRows(image, area, scratch.columns);
  else scaleRows(image, horizontal!, area, scratch.columns);
  if (height === box.height) return asBytes(scratch.columns, rows.length * rowLength);
  scratch.result = atLeast(scratch.result, window.height * rowLength);
  scaleColumns(scratch.columns, vertical!, rows.start, rowLength, window, scratch.result);
  return asBytes(scratch.result, window.height * rowLength);
}

/** The pixels that `resample` reads, as a part of the image. */
export function neededPart(options: ResampleOptions): Box {
  const { box, window } = options;
  const [horizontal, vertical] = coefficientsOf(options);
  const columns = spanOf(horizontal, window.left, window.width);
  const rows = spanOf(vertical, window.top, window.height);
  return {
    left: box.left + columns.start,
    top: box.top + rows.start,
    width: columns.length,
    height: rows.length,
  };
}

/** Along rows and along columns; undefined where nothing is scaled. */
const coefficientsOf = ({ box, width, height, filter }: ResampleOptions) =>
  [
    width === box.width ? undefined : coefficientsFor(box.width, width, filter),
    height === box.height ? undefined : coefficientsFor(box.height, height, filter),
  ] as const;

/** Input samples that `length` outputs from `first` on need. */
function spanOf(coefficients: Coefficients | undefined, first: number, length: number) {
  if (!coefficients) return { start: first, length };
  const { starts, counts } = coefficients;
  const last = first + length - 1;
  const start = starts[first]!;
  return { start, length: starts[last]! + counts[last]! - start };
}

const atLeast = (buffer: Uint8ClampedArray, length: number): Uint8ClampedArray =>
  buffer.length < length ? new Uint8ClampedArray(length) : buffer;

const asBytes = ({ buffer }: Uint8ClampedArray, length: number): Uint8Array =>
  new Uint8Array(buffer, 0, length);
