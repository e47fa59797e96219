import type { Filter } from "../checkpoint/preprocessor-config.ts";

/** Weights that turn `inSize` samples into `outSize`: output i is Σ_t weights[i·taps + t] · input[starts[i] + t]. */
export interface Coefficients {
  readonly taps: number;
  readonly starts: Int32Array;
  /** Fixed point: 1 is 2^PRECISION. Rows that need fewer taps end in zeros, and `counts` says how many they need. */
  readonly weights: Int32Array;
  readonly counts: Int32Array;
}

/** Leaves the sum of 255 · weights, overshoot included, within 32 bits. */
export const PRECISION = 22;

const kernels: Readonly<Record<Filter, { readonly support: number; readonly at: (x: number) => number }>> = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, at: (x) => cubic(Math.abs(x)) },
};

/** Keys' cubic convolution with a = −0.5. */
function cubic(x: number): number {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

const MOST_KEPT = 2048;
const kept = new Map<string, Coefficients>();

/**
 * Antialiased resampling as Pillow does it: when shrinking, the kernel is widened by the factor of the shrinking, so
 * that every input sample counts.
 */
export function coefficientsFor(inSize: number, outSize: number, filter: Filter): Coefficients {
  const key = `${inSize},${outSize},${filter}`;
  const known = kept.get(key);
  if (known) return known;
  const made = compute(inSize, outSize, filter);
  // Random crops ask for the same few hundred sizes over and over.
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, made);
  return made;
}

function compute(inSize: number, outSize: number, filter: Filter): Coefficients {
  const { support, at } = kernels[filter];
  const scale = inSize / outSize;
  const stretch = Math.max(scale, 1);
  const shrink = 1 / stretch;
  const reach = support * stretch;
  const taps = Math.ceil(reach) * 2 + 1;
  const starts = new Int32Array(outSize);
  const counts = new Int32Array(outSize);
  const weights = new Int32Array(outSize * taps);
  const row = new Float64Array(taps);
  for (let i = 0; i < outSize; i++) {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(inSize, Math.trunc(center + reach + 0.5));
    let sum = 0;
    for (let x = start; x < end; x++) {
      row[x - start] = at((x - center + 0.5) * shrink);
      sum += row[x - start]!;
    }
    // Products with reciprocals, as Pillow has it: the last bit decides which way a half is rounded.
    const share = 1 / sum;
    for (let t = 0; t < end - start; t++) weights[i * taps + t] = toFixed(row[t]! * share);
    starts[i] = start;
    counts[i] = end - start;
  }
  return { taps, starts, weights, counts };
}

/** Nearest fixed-point number, halves away from zero. */
const toFixed = (weight: number): number => Math.trunc(weight * 2 ** PRECISION + (weight < 0 ? -0.5 : 0.5));
