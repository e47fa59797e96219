import { fillSimplex } from "./feasible.ts";

/**
 * One majorise–minimise step. log s ≤ log s₀ + (s − s₀)/s₀ applied to every log-sum of F gives a separable bound that
 * touches F at u₀,
 *
 *     F(u) ≤ F(u₀) + Σ_k p̄_k (exp(u₀_k − u_k) − 1) + a_k (u_k − u₀_k),
 *
 * whose minimum over the feasible set is found class by class, so every step is feasible and never increases F.
 * Without floors in the way it is iterative proportional fitting: u_k ← u₀_k + log(p̄_k / a_k).
 *
 * @param u [K] log q of a feasible q
 * @param mean [K] p̄, mean predicted probability at u
 * @param share [K] a, label shares, > 0
 * @returns [K] the new log q
 */
export function majorizeStep(
  u: Float64Array,
  mean: Float64Array,
  share: Float64Array,
  floor: number,
): Float64Array {
  const pull = u.map((uk, k) => Math.exp(uk) * mean[k]!);
  const free = pull.map((b, k) => b / share[k]!);
  const total = free.reduce((x, y) => x + y, 0);
  if (free.every((q) => q >= floor * total)) return free.map((q) => Math.log(q / total));

  // Otherwise minimise Σ b/q + a log q subject to q ≥ floor, Σ q ≤ 1: q(μ) = 2b / (a + √(a² + 4μb)), clamped at the floor.
  const at = (mu: number) =>
    pull.map((b, k) => Math.max(floor, (2 * b) / (share[k]! + Math.sqrt(share[k]! ** 2 + 4 * mu * b))));
  const sum = (q: Float64Array) => q.reduce((x, y) => x + y, 0);
  let low = 0;
  let high = 1;
  if (sum(at(0)) > 1) {
    while (sum(at(high)) > 1) high *= 4;
    for (let step = 0; step < 80 && high - low > 1e-15 * high; step++) {
      const middle = (low + high) / 2;
      if (sum(at(middle)) > 1) low = middle;
      else high = middle;
    }
  } else {
    high = 0;
  }
  // Removes what bisection left of Σ q − 1 (or shifts a slack point up to Σ = 1, which F does not see).
  return fillSimplex(at(high), floor).map(Math.log);
}
