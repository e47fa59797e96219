import type { Filter } from "../checkpoint/preprocessor-config.ts";
import { type Coefficients, coefficientsFor } from "./coefficients.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { copyRows, scaleColumns, scaleRows } from "./resample-passes.ts";
import { createSimdPasses, type Side, type SimdPasses, type Span } from "./resample-simd.ts";

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
  /** Made when first asked for; undefined where it is not to be had, or not wanted. */
  readonly simd: () => SimdPasses | undefined;
}

/** @param simd whether to use WebAssembly where it can; the pixels are the same */
export function createScratch({ simd = true }: { readonly simd?: boolean } = {}): Scratch {
  let passes: SimdPasses | undefined;
  let asked = !simd;
  return {
    columns: new Uint8ClampedArray(0),
    result: new Uint8ClampedArray(0),
    simd() {
      if (!asked) passes = createSimdPasses();
      asked = true;
      return passes;
    },
  };
}

/**
 * Antialiased, separable resampling of uint8 pixels, equal to Pillow's `resize`: first along rows, rounded to uint8,
 * then along columns.
 * @returns the window's pixels, interleaved; valid until the next call with the same scratch
 */
export function resample(image: DecodedImage, options: ResampleOptions, scratch: Scratch): Uint8Array {
  const { box, width, height, window } = options;
  const { channels } = image;
  const { across, down } = sidesOf(options);
  const simd = channels === 3 ? scratch.simd()?.(image, across, down) : undefined;
  if (simd) return simd;
  const rows = down.needed;
  const rowLength = window.width * channels;
  const top = box.top + rows.start;
  const area = { left: box.left, top, rows: rows.length, window };
  scratch.columns = atLeast(scratch.columns, rows.length * rowLength);
  if (width === box.width) copyRows(image, area, scratch.columns);
  else scaleRows(image, across.coefficients!, area, scratch.columns);
  if (height === box.height) return asBytes(scratch.columns, rows.length * rowLength);
  scratch.result = atLeast(scratch.result, window.height * rowLength);
  scaleColumns(scratch.columns, down.coefficients!, rows.start, rowLength, window, scratch.result);
  return asBytes(scratch.result, window.height * rowLength);
}

/** The pixels that `resample` reads, as a part of the image. */
export function neededPart(options: ResampleOptions): Box {
  const { across, down } = sidesOf(options);
  return {
    left: across.offset + across.needed.start,
    top: down.offset + down.needed.start,
    width: across.needed.length,
    height: down.needed.length,
  };
}

/** Along rows and along columns. */
function sidesOf({ box, width, height, window, filter }: ResampleOptions): { across: Side; down: Side } {
  const side = (from: number, to: number, offset: number, start: number, length: number): Side => {
    const coefficients = from === to ? undefined : coefficientsFor(from, to, filter);
    return { coefficients, wanted: { start, length }, needed: spanOf(coefficients, start, length), offset };
  };
  return {
    across: side(box.width, width, box.left, window.left, window.width),
    down: side(box.height, height, box.top, window.top, window.height),
  };
}

/** Input samples that `length` outputs from `first` on need. */
function spanOf(coefficients: Coefficients | undefined, first: number, length: number): Span {
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
