import type { Coefficients } from "./coefficients.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { RESAMPLE_WASM } from "./resample-wasm.ts";
import { type WasmMemory, type WasmModule, webAssembly } from "./webassembly.ts";

/** Samples along one side that a resampling reads. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/** One side of a resampling. */
export interface Side {
  /** Undefined where nothing is scaled. */
  readonly coefficients: Coefficients | undefined;
  /** Of the scaled samples, those that are wanted. */
  readonly wanted: Span;
  /** What is read for them; relative to `offset`. */
  readonly needed: Span;
  /** Where in the image the scaled box begins. */
  readonly offset: number;
}

/**
 * Both passes of a resampling of three channels.
 * @returns the wanted pixels, valid until the next call; undefined when they take too much memory
 */
export type SimdPasses = (image: DecodedImage, across: Side, down: Side) => Uint8Array | undefined;

interface Exports {
  readonly memory: WasmMemory;
  heap(): number;
  scaleRows(
    image: number,
    stride: number,
    rows: number,
    starts: number,
    weights: number,
    pairs: number,
    columns: number,
    out: number,
  ): void;
  scaleColumns(
    image: number,
    length: number,
    starts: number,
    weights: number,
    pairs: number,
    rows: number,
    out: number,
  ): void;
}

const CHANNELS = 3;
const PAGE = 65_536;
/** Memory that WebAssembly took is never given back. */
const MOST_BYTES = 2 ** 28;
/** Rows of the image are taken over in bands of about this many bytes, which stay near the processor. */
const BAND = 32_768;

let compiled: WasmModule | null | undefined;

/** Undefined where there is no WebAssembly with SIMD. */
function simdModule(): WasmModule | undefined {
  if (compiled === undefined) {
    const bytes = Buffer.from(RESAMPLE_WASM, "base64");
    compiled = webAssembly?.validate(bytes) ? new webAssembly.Module(bytes) : null;
  }
  return compiled ?? undefined;
}

/**
 * The passes of resample-passes.ts as WebAssembly with SIMD (wasm/images/resample.ts), bit for bit, with memory of their
 * own. Undefined where there is no WebAssembly with SIMD.
 */
export function createSimdPasses(): SimdPasses | undefined {
  const module = simdModule();
  if (module === undefined) return undefined;
  const wasm = new webAssembly!.Instance(module).exports as Exports;
  return (image, across, down) => {
    const stride = across.needed.length * CHANNELS;
    const rowLength = across.wanted.length * CHANNELS;
    const bandRows = Math.max(1, Math.floor(BAND / stride));
    const [horizontal, vertical] = [pairsOf(across.coefficients), pairsOf(down.coefficients)];
    const start = aligned(wasm.heap());
    const band = start + tableBytes(horizontal, across.wanted.length);
    const downAt = aligned(band + (horizontal ? bandRows * stride + beyondRow(horizontal) : 0));
    const columns = downAt + tableBytes(vertical, down.wanted.length);
    // Outputs at a border have taps that do not count, whose rows are read all the same.
    const beyond = 2 * (vertical?.pairs ?? 0);
    const result = aligned(columns + (down.needed.length + beyond) * rowLength + VECTOR);
    const end = result + (vertical ? down.wanted.length * rowLength + VECTOR : 0);
    if (end > MOST_BYTES) return undefined;
    const missing = end - wasm.memory.buffer.byteLength;
    if (missing > 0) wasm.memory.grow(Math.ceil(missing / PAGE));

    const { buffer } = wasm.memory;
    const bytes = new Uint8Array(buffer);
    if (horizontal) {
      const tables = putTables(buffer, start, horizontal, across);
      for (let y = 0; y < down.needed.length; y += bandRows) {
        const rows = Math.min(bandRows, down.needed.length - y);
        copyRows(image, across, down.offset + down.needed.start + y, rows, bytes, band);
        const at = columns + y * rowLength;
        wasm.scaleRows(band, stride, rows, ...tables, horizontal.pairs, across.wanted.length, at);
      }
    } else {
      copyRows(image, across, down.offset + down.needed.start, down.needed.length, bytes, columns);
    }
    if (!vertical) return new Uint8Array(buffer, columns, down.needed.length * rowLength);
    const tables = putTables(buffer, downAt, vertical, down);
    wasm.scaleColumns(columns, rowLength, ...tables, vertical.pairs, down.wanted.length, result);
    return new Uint8Array(buffer, result, down.wanted.length * rowLength);
  };
}

const VECTOR = 16;
const aligned = (at: number): number => (at + VECTOR - 1) & -VECTOR;

/** Weights for dot products of pairs of taps; see wasm/images/resample.ts. */
interface Pairs {
  /** Pairs per output, as many for each. */
  readonly pairs: number;
  /** [outputs × pairs × 2]: two highs, two lows. */
  readonly table: Int32Array;
}

const LOW_BITS = 11;
const kept = new WeakMap<Coefficients, Pairs>();

function pairsOf(coefficients: Coefficients | undefined): Pairs | undefined {
  if (coefficients === undefined) return undefined;
  const known = kept.get(coefficients);
  if (known) return known;
  const { taps, weights, counts } = coefficients;
  const pairs = Math.ceil(counts.reduce((most, count) => Math.max(most, count), 0) / 2);
  const table = new Int32Array(counts.length * pairs * 2);
  for (let i = 0; i < counts.length; i++) {
    for (let pair = 0; pair < pairs; pair++) {
      const first = weights[i * taps + 2 * pair]!;
      const second = 2 * pair + 1 < counts[i]! ? weights[i * taps + 2 * pair + 1]! : 0;
      const at = (i * pairs + pair) * 2;
      table[at] = halves(first >> LOW_BITS, second >> LOW_BITS);
      table[at + 1] = halves(first & LOW_MASK, second & LOW_MASK);
    }
  }
  const made = { pairs, table };
  kept.set(coefficients, made);
  return made;
}

const LOW_MASK = (1 << LOW_BITS) - 1;
const halves = (lower: number, upper: number): number => (upper << 16) | (lower & 0xffff);

/** What may be read beyond the last row: taps that do not count. */
const beyondRow = ({ pairs }: Pairs): number => pairs * 2 * CHANNELS + VECTOR;

/** Starts, then weights, of `length` outputs. */
const tableBytes = (pairs: Pairs | undefined, length: number): number =>
  pairs ? aligned(4 * length * (1 + 2 * pairs.pairs)) : 0;

/** @returns where starts, relative to what is needed, and weights lie */
function putTables(
  buffer: ArrayBuffer,
  at: number,
  { pairs, table }: Pairs,
  { coefficients, wanted: { start, length }, needed }: Side,
): readonly [number, number] {
  const starts = new Int32Array(buffer, at, length);
  for (let i = 0; i < length; i++) starts[i] = coefficients!.starts[start + i]! - needed.start;
  const perOutput = 2 * pairs;
  const weights = new Int32Array(buffer, at + 4 * length, length * perOutput);
  weights.set(table.subarray(start * perOutput, (start + length) * perOutput));
  return [at, at + 4 * length];
}

/** The needed columns of `rows` rows from row `top` of the image on. */
function copyRows(
  { data, width }: DecodedImage,
  { needed, offset }: Side,
  top: number,
  rows: number,
  out: Uint8Array,
  at: number,
): void {
  const length = needed.length * CHANNELS;
  const first = (top * width + offset + needed.start) * CHANNELS;
  if (needed.length === width) {
    out.set(data.subarray(first, first + rows * length), at);
    return;
  }
  for (let y = 0; y < rows; y++) {
    const from = first + y * width * CHANNELS;
    out.set(data.subarray(from, from + length), at + y * length);
  }
}
