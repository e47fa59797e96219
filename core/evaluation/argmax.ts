/** Index of the largest entry of every row, [N]; the lowest index among equals. */
export function argmaxRows(scores: Float32Array | Float64Array, N: number, K: number): Int32Array {
  const best = new Int32Array(N);
  for (let i = 0; i < N; i++) {
    let at = 0;
    for (let k = 1; k < K; k++) if (scores[i * K + k]! > scores[i * K + at]!) at = k;
    best[i] = at;
  }
  return best;
}
