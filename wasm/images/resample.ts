// AssemblyScript: the loops of core/models/images/resample-passes.ts with the same integers, compiled by `npm run wasm`.
//
// A weight w of 2^22ths does not fit the 16 bits that a dot product multiplies, but w = 2^11 · high + low does in halves,
// and integers that wrap around make Σ p · w = 2^11 · Σ p · high + Σ p · low exact. Taps come in pairs, an odd last one
// with a weight of zero; tables hold per pair two highs and two lows of 16 bits each.

const PRECISION = 22;
const HALF: i32 = 1 << (PRECISION - 1);
const LOW_BITS = 11;
const PAIR: usize = 8;

/** Where memory that the caller lays out begins. */
export function heap(): usize {
  return __heap_base;
}

/**
 * [rows × stride] u8 RGB, from `image` on, to [rows × columns] RGB; `starts` [columns] i32 count pixels. May read
 * 6 · pairs + 2 bytes and write one byte beyond the end.
 */
export function scaleRows(
  image: usize,
  stride: i32,
  rows: i32,
  starts: usize,
  weights: usize,
  pairs: i32,
  columns: i32,
  out: usize,
): void {
  const zero = i32x4.splat(0);
  const half = i32x4.splat(HALF);
  const length = <usize>pairs * PAIR;
  for (let y = 0; y < rows; y++) {
    let w = weights;
    for (let x = 0; x < columns; x++) {
      let p = image + <usize>load<i32>(starts + ((<usize>x) << 2)) * 3;
      const end = w + length;
      let high = zero;
      let low = half;
      for (; w < end; w += PAIR, p += 6) {
        // r₀ g₀ b₀ r₁ g₁ b₁ → (r₀ r₁) (g₀ g₁) (b₀ b₁) of 16 bits each
        const two = i8x16.shuffle(
          v128.load64_zero(p),
          zero,
          0,
          16,
          3,
          16,
          1,
          16,
          4,
          16,
          2,
          16,
          5,
          16,
          16,
          16,
          16,
          16,
        );
        high = i32x4.add(high, i32x4.dot_i16x8_s(two, v128.load32_splat(w)));
        low = i32x4.add(low, i32x4.dot_i16x8_s(two, v128.load32_splat(w, 4)));
      }
      const sum = i32x4.shr_s(i32x4.add(i32x4.shl(high, LOW_BITS), low), PRECISION);
      const narrow = i16x8.narrow_i32x4_s(sum, sum);
      v128.store32_lane(out, i8x16.narrow_i16x8_u(narrow, narrow), 0);
      out += 3;
    }
    image += stride;
  }
}

/**
 * [· × length] u8 to [rows × length]; `starts` [rows] i32 count rows from `image` on. May read a row and 15 bytes and
 * write 15 bytes beyond the end.
 */
export function scaleColumns(
  image: usize,
  length: i32,
  starts: usize,
  weights: usize,
  pairs: i32,
  rows: i32,
  out: usize,
): void {
  for (let y = 0; y < rows; y++) {
    const from = image + <usize>load<i32>(starts + ((<usize>y) << 2)) * length;
    const end = weights + <usize>pairs * PAIR;
    for (let x = 0; x < length; x += 16) {
      mix(from + x, length, weights, end, out + x);
    }
    weights = end;
    out += length;
  }
}

/** 16 columns of one row. */
function mix(p: usize, length: i32, w: usize, end: usize, out: usize): void {
  const zero = i32x4.splat(0);
  const half = i32x4.splat(HALF);
  let highA = zero,
    highB = zero,
    highC = zero,
    highD = zero;
  let lowA = half,
    lowB = half,
    lowC = half,
    lowD = half;
  for (; w < end; w += PAIR, p += 2 * length) {
    const above = v128.load(p);
    const below = v128.load(p + length);
    const left = i8x16.shuffle(above, below, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const right = i8x16.shuffle(above, below, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const a = i16x8.extend_low_i8x16_u(left);
    const b = i16x8.extend_high_i8x16_u(left);
    const c = i16x8.extend_low_i8x16_u(right);
    const d = i16x8.extend_high_i8x16_u(right);
    const high = v128.load32_splat(w);
    const low = v128.load32_splat(w, 4);
    highA = i32x4.add(highA, i32x4.dot_i16x8_s(a, high));
    lowA = i32x4.add(lowA, i32x4.dot_i16x8_s(a, low));
    highB = i32x4.add(highB, i32x4.dot_i16x8_s(b, high));
    lowB = i32x4.add(lowB, i32x4.dot_i16x8_s(b, low));
    highC = i32x4.add(highC, i32x4.dot_i16x8_s(c, high));
    lowC = i32x4.add(lowC, i32x4.dot_i16x8_s(c, low));
    highD = i32x4.add(highD, i32x4.dot_i16x8_s(d, high));
    lowD = i32x4.add(lowD, i32x4.dot_i16x8_s(d, low));
  }
  const upper = i16x8.narrow_i32x4_s(finish(highA, lowA), finish(highB, lowB));
  const lower = i16x8.narrow_i32x4_s(finish(highC, lowC), finish(highD, lowD));
  v128.store(out, i8x16.narrow_i16x8_u(upper, lower));
}

function finish(high: v128, low: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.shl(high, LOW_BITS), low), PRECISION);
}
