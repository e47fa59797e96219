/**
 * The objective of prior estimation (GLA, arXiv 2310.08106, eq. for the label shift between pre-training and estimation
 * data; GLA, arXiv 2310.08106), as a function of u = log q:
 *
 *     F(u) = mean_i CE(z_i / T − u + log π, y_i)
 *
 * With offsets fixed, only w = exp(−u + log π) changes between evaluations, so exp(z_i / T − max) is taken once and an
 * evaluation is two passes of multiply–add over [N, K] without a single exponential.
 */
export interface Likelihood {
  /** Classes K of the problem. */
  readonly classes: number;
  /** [K] share of each label in the estimation set, a_k = n_k / N. */
  readonly share: Float64Array;
  /** Objective in nats and mean predicted probability p̄ [K]; ∇F = share − p̄. */
  evaluate(u: Float64Array): { readonly value: number; readonly mean: Float64Array };
  /** The Hessian diag(p̄) − mean_i p_i p_iᵀ at u: its diagonal and its product with a vector. */
  curvature(u: Float64Array): {
    readonly diagonal: Float64Array;
    times(direction: Float64Array): Float64Array;
  };
}

/**
 * @param logits [N, K] row-major zero-shot logits, finite
 * @param labels [N], in [0, K), each class present at least once
 * @param logPi [K] log prior of the estimation set up to a constant; zeros when it is balanced
 */
export function createLikelihood(input: {
  readonly logits: Float32Array | Float64Array;
  readonly labels: Int32Array;
  readonly classes: number;
  readonly temperature: number;
  readonly logPi: Float64Array;
}): Likelihood {
  const { logits, labels, classes: K, temperature, logPi } = input;
  const N = labels.length;
  const scaled = new Float64Array(N * K);
  const share = new Float64Array(K);
  // The part of F that does not depend on u: mean of (row maximum − true class's logit), minus Σ a_k log π_k.
  let fixed = 0;
  for (let i = 0; i < N; i++) {
    const at = i * K;
    let max = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < K; k++) max = Math.max(max, logits[at + k]!);
    for (let k = 0; k < K; k++) scaled[at + k] = Math.exp((logits[at + k]! - max) / temperature);
    const y = labels[i]!;
    share[y]! += 1 / N;
    fixed += (max - logits[at + y]!) / temperature / N;
  }
  for (let k = 0; k < K; k++) fixed -= share[k]! * logPi[k]!;

  // Shifted so that the largest weight is 1: row sums can then neither overflow nor vanish.
  const weights = (u: Float64Array) => {
    let shift = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < K; k++) shift = Math.max(shift, logPi[k]! - u[k]!);
    return { shift, weight: u.map((uk, k) => Math.exp(logPi[k]! - uk - shift)) };
  };

  return {
    classes: K,
    share,
    evaluate(u) {
      const { shift, weight } = weights(u);
      const mean = new Float64Array(K);
      let logSum = 0;
      for (let i = 0; i < N; i++) {
        const at = i * K;
        let sum = 0;
        for (let k = 0; k < K; k++) sum += scaled[at + k]! * weight[k]!;
        logSum += Math.log(sum);
        const r = 1 / sum;
        for (let k = 0; k < K; k++) mean[k]! += scaled[at + k]! * r;
      }
      let value = fixed + shift + logSum / N;
      for (let k = 0; k < K; k++) {
        mean[k]! *= weight[k]! / N;
        value += share[k]! * u[k]!;
      }
      return { value, mean };
    },
    curvature(u) {
      const { weight } = weights(u);
      const inverse = new Float64Array(N);
      const mean = new Float64Array(K);
      const square = new Float64Array(K);
      for (let i = 0; i < N; i++) {
        const at = i * K;
        let sum = 0;
        for (let k = 0; k < K; k++) sum += scaled[at + k]! * weight[k]!;
        const r = 1 / sum;
        inverse[i] = r;
        for (let k = 0; k < K; k++) {
          const e = scaled[at + k]! * r;
          mean[k]! += e;
          square[k]! += e * e;
        }
      }
      for (let k = 0; k < K; k++) {
        mean[k]! *= weight[k]! / N;
        square[k]! *= weight[k]! ** 2 / N;
      }
      return {
        diagonal: mean.map((p, k) => Math.max(0, p - square[k]!)),
        times(direction) {
          const weighted = weight.map((w, k) => w * direction[k]!);
          const product = new Float64Array(K);
          for (let i = 0; i < N; i++) {
            const at = i * K;
            let dot = 0;
            for (let k = 0; k < K; k++) dot += scaled[at + k]! * weighted[k]!;
            const c = dot * inverse[i]! ** 2;
            for (let k = 0; k < K; k++) product[k]! += c * scaled[at + k]!;
          }
          return product.map((value, k) => mean[k]! * direction[k]! - (value * weight[k]!) / N);
        },
      };
    },
  };
}
