import { DualtailError } from "../errors.ts";
import { argmaxRows } from "./argmax.ts";
import { createNearest } from "./nearest.ts";

/** Products of [m, d] and [n, d] row-major matrices as [m, n] = a · bᵀ; a runtime may bring a faster one. */
export type BlockProduct = (
  a: Float32Array,
  b: Float32Array,
  shape: { readonly m: number; readonly n: number; readonly d: number },
) => Float32Array | Promise<Float32Array>;

/** Features and labels to classify by. M in the bank, N queries, d wide. */
export interface KnnInput {
  /** [M, d] row-major features of the bank (in comparisons: the validation set), any scale. */
  readonly bank: Float32Array;
  readonly bankLabels: Int32Array;
  /** [N, d] */
  readonly queries: Float32Array;
  readonly queryLabels: Int32Array;
  readonly width: number;
  readonly classes: number;
  /** Neighbours; the whole bank where it is smaller. Default 200. */
  readonly k?: number;
  /** Weights are exp(cosine / temperature). Default 0.1. */
  readonly temperature?: number;
  /** Default: a tiled product in plain JavaScript. */
  readonly product?: BlockProduct;
}

/** Accuracies of the nearest neighbours. */
export interface KnnResult {
  /** Mean per-class accuracy over classes with queries, in [0, 1]. */
  readonly accuracy: number;
  /** Share of queries classified correctly. */
  readonly micro: number;
  /** [N] */
  readonly predicted: Int32Array;
  /** Neighbours actually used. */
  readonly k: number;
}

const QUERY_BLOCK = 64;
const BANK_BLOCK = 1024;

/**
 * Weighted k-nearest-neighbour classification by cosine, exact: memory is one block of similarities, not [N, M].
 * Equal similarities are ordered by bank index and equal votes by class index, so the result is a function of the input.
 * A zero feature has cosine 0 to everything.
 *
 * @throws DualtailError for an empty bank, shapes that do not fit, non-finite features
 */
export async function knnAccuracy(input: KnnInput): Promise<KnnResult> {
  const { width: d, classes: K, temperature = 0.1, product = tiledProduct } = input;
  const M = input.bankLabels.length;
  const N = input.queryLabels.length;
  check(input);
  const k = Math.min(input.k ?? 200, M);
  const bank = normaliseRows(input.bank, d, "bank");
  const queries = normaliseRows(input.queries, d, "query");
  const predicted = new Int32Array(N);
  const votes = new Float64Array(K);

  for (let q0 = 0; q0 < N; q0 += QUERY_BLOCK) {
    const m = Math.min(QUERY_BLOCK, N - q0);
    const rows = queries.subarray(q0 * d, (q0 + m) * d);
    const nearest = Array.from({ length: m }, () => createNearest(k));
    for (let b0 = 0; b0 < M; b0 += BANK_BLOCK) {
      const n = Math.min(BANK_BLOCK, M - b0);
      const similarity = await product(rows, bank.subarray(b0 * d, (b0 + n) * d), { m, n, d });
      nearest.forEach((heap, i) => {
        for (let j = 0; j < n; j++) heap.offer(similarity[i * n + j]!, b0 + j);
      });
    }
    nearest.forEach((heap, i) => {
      votes.fill(0);
      // exp((s − 1)/t) is exp(s/t) up to a common factor, and cannot overflow for small t.
      for (const { similarity, index } of heap.sorted()) {
        votes[input.bankLabels[index]!]! += Math.exp((similarity - 1) / temperature);
      }
      predicted[q0 + i] = argmaxRows(votes, 1, K)[0]!;
    });
  }
  return { ...score(predicted, input.queryLabels, K), predicted, k };
}

/** Tiles of 2 × 2 outputs: four running sums, every input read half as often. */
function tiledProduct(
  a: Float32Array,
  b: Float32Array,
  { m, n, d }: { readonly m: number; readonly n: number; readonly d: number },
): Float32Array {
  const out = new Float32Array(m * n);
  for (let i = 0; i < m; i += 2) {
    const two = i + 1 < m;
    const a0 = i * d;
    const a1 = two ? a0 + d : a0;
    for (let j = 0; j < n; j += 2) {
      const pair = j + 1 < n;
      const b0 = j * d;
      const b1 = pair ? b0 + d : b0;
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      for (let c = 0; c < d; c++) {
        const x0 = a[a0 + c]!;
        const x1 = a[a1 + c]!;
        const y0 = b[b0 + c]!;
        const y1 = b[b1 + c]!;
        s00 += x0 * y0;
        s01 += x0 * y1;
        s10 += x1 * y0;
        s11 += x1 * y1;
      }
      out[i * n + j] = s00;
      if (pair) out[i * n + j + 1] = s01;
      if (two) out[(i + 1) * n + j] = s10;
      if (two && pair) out[(i + 1) * n + j + 1] = s11;
    }
  }
  return out;
}

function normaliseRows(features: Float32Array, d: number, what: string): Float32Array {
  const out = new Float32Array(features.length);
  for (let at = 0; at < features.length; at += d) {
    let square = 0;
    for (let c = 0; c < d; c++) square += features[at + c]! ** 2;
    if (!Number.isFinite(square)) {
      throw new DualtailError(`KNN: the feature of ${what} image ${at / d} is not finite`, {
        hint: "training diverged, or the image is broken",
      });
    }
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let c = 0; c < d; c++) out[at + c] = features[at + c]! * scale;
  }
  return out;
}

function score(predicted: Int32Array, labels: Int32Array, K: number): { accuracy: number; micro: number } {
  const seen = new Int32Array(K);
  const right = new Int32Array(K);
  labels.forEach((y, i) => {
    seen[y]!++;
    if (predicted[i] === y) right[y]!++;
  });
  const tested = Array.from(seen.keys()).filter((k) => seen[k]! > 0);
  return {
    accuracy: tested.reduce((sum, k) => sum + right[k]! / seen[k]!, 0) / tested.length,
    micro: right.reduce((a, b) => a + b, 0) / labels.length,
  };
}

function check({ bank, bankLabels, queries, queryLabels, width, classes, k, temperature }: KnnInput): void {
  const fail = (problem: string) => {
    throw new DualtailError(`KNN: ${problem}`);
  };
  if (bankLabels.length === 0) fail("the bank is empty; the dataset needs a validation split");
  if (queryLabels.length === 0) fail("there is no image to classify");
  if (bank.length !== bankLabels.length * width)
    fail(`${bank.length} bank values for ${bankLabels.length} × ${width}`);
  if (queries.length !== queryLabels.length * width) {
    fail(`${queries.length} query values for ${queryLabels.length} × ${width}`);
  }
  if (k !== undefined && !(Number.isInteger(k) && k > 0)) fail(`k = ${k} is not a positive whole number`);
  if (temperature !== undefined && !(temperature > 0)) fail(`temperature ${temperature} is not positive`);
  for (const labels of [bankLabels, queryLabels]) {
    const bad = labels.findIndex((y) => !(y >= 0 && y < classes));
    if (bad >= 0) fail(`label ${labels[bad]} is outside [0, ${classes})`);
  }
}
