/** Geometry of the feasible set C = { q : q_k ≥ floor, Σ q_k = 1 } of priors, shared by the solver and its certificate. */

/**
 * The point q of C with q_k = max(floor, t · weights_k), t chosen so that Σ q_k = 1. Exact (by sorting, no iteration).
 * It maximises Σ weights_k · log q_k over C, and leaves weights alone, up to scale, where none is small.
 *
 * @param weights [K], finite and ≥ 0
 * @param floor with floor · K < 1
 */
export function fillSimplex(weights: Float64Array, floor: number): Float64Array {
  const K = weights.length;
  const order = Array.from(weights.keys()).sort((i, j) => weights[j]! - weights[i]! || i - j);
  // The classes above the floor are the j largest; the largest consistent j is the solution.
  let sum = 0;
  let scale = 0;
  for (let j = 1; j <= K; j++) {
    const smallest = weights[order[j - 1]!]!;
    if (smallest <= 0) break;
    sum += smallest;
    const t = (1 - (K - j) * floor) / sum;
    if (j > 1 && smallest * t < floor) break;
    scale = t;
  }
  if (scale === 0) return new Float64Array(K).fill(1 / K);
  return weights.map((w) => Math.max(floor, w * scale));
}

/**
 * Frank–Wolfe certificate. F is convex in u = log q and unchanged by adding a constant to u, so its minimum over C is
 * its minimum over the convex set U = { u : u_k ≥ log floor, Σ exp u_k ≤ 1 } (a minimiser with Σ < 1 can be shifted up
 * until Σ = 1 without leaving U). Convexity gives, for every s in U, F(s) ≥ F(u) + ⟨∇F(u), s − u⟩; hence
 *
 *     F(u) − min F ≤ max_{s ∈ U} ⟨∇F(u), u − s⟩.
 *
 * The maximum is attained at s_k = log floor where ∇F_k ≥ 0 and, by the Lagrangian, at exp s_k = max(floor, −∇F_k / μ)
 * elsewhere: one call of `fillSimplex`. The bound is exact up to float64 rounding (about 1e-13) and needs no optimality,
 * no curvature and no knowledge of the active constraints.
 *
 * @param gradient [K] ∇F(u), sums to 0
 * @param u [K] = log q of a feasible q
 * @returns an upper bound on F(u) − min F, in nats
 */
export function optimalityGap(gradient: Float64Array, u: Float64Array, floor: number): number {
  const lowest = fillSimplex(
    gradient.map((g) => Math.max(0, -g)),
    floor,
  );
  let gap = 0;
  for (let k = 0; k < u.length; k++) gap += gradient[k]! * (u[k]! - Math.log(lowest[k]!));
  return Math.max(0, gap);
}
