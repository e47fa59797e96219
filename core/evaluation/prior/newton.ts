import type { Likelihood } from "./likelihood.ts";

/** Relative residual at which conjugate gradients stops, and its longest run. */
const CG_TOLERANCE = 1e-3;
const CG_STEPS = 200;

/**
 * A Newton direction for F over { q ≥ floor, Σ q = 1 } in u = log q: classes held by the floor (at it, and pushed
 * against it) stay, the others move within Σ exp u = const. With μ the multiplier of that sum, the model's Hessian is
 * H + μ diag(q), the part of the Lagrangian's that counts. Solved by conjugate gradients, preconditioned by the
 * diagonal and projected onto the constraint's tangent ⟨q, d⟩ = 0 (without held classes: onto zero weighted mean, which
 * only fixes the shift F does not see).
 *
 * @param u [K], log of a feasible q
 * @param gradient [K] ∇F(u)
 * @returns [K] direction d; 0 for held classes. F's descent along it is for the caller's line search to confirm.
 */
export function newtonDirection(
  likelihood: Likelihood,
  u: Float64Array,
  gradient: Float64Array,
  floor: number,
): Float64Array {
  const K = u.length;
  const q = u.map(Math.exp);
  const { free, mu } = splitClasses(q, gradient, floor);
  const { diagonal, times } = likelihood.curvature(u);
  // A class the model never confuses has no curvature of its own; a trace of it keeps the system solvable.
  const ridge = 1e-12;
  const apply = (d: Float64Array) =>
    times(d).map((value, k) => (free[k] ? value + (mu * q[k]! + ridge) * d[k]! : 0));
  const inverse = diagonal.map((h, k) => (free[k] ? 1 / (h + mu * q[k]! + ridge) : 0));
  const scale = q.map((value, k) => value * inverse[k]!);
  const norm = q.reduce((sum, value, k) => sum + (free[k] ? value * scale[k]! : 0), 0);

  // Preconditioner with the projection built in: the M-orthogonal projection onto ⟨q, d⟩ = 0.
  const precondition = (r: Float64Array) => {
    let along = 0;
    for (let k = 0; k < K; k++) along += r[k]! * scale[k]!;
    return r.map((value, k) => inverse[k]! * value - (along / norm) * scale[k]!);
  };

  const d = new Float64Array(K);
  let residual = gradient.map((g, k) => (free[k] ? -(g + mu * q[k]!) : 0));
  let z = precondition(residual);
  let rz = dot(residual, z);
  const target = rz * CG_TOLERANCE ** 2;
  let p = z;
  for (let step = 0; step < Math.min(CG_STEPS, 2 * K) && rz > target && rz > 0; step++) {
    const hp = apply(p);
    const php = dot(p, hp);
    if (!(php > 0)) break;
    const alpha = rz / php;
    for (let k = 0; k < K; k++) d[k]! += alpha * p[k]!;
    residual = residual.map((value, k) => value - alpha * hp[k]!);
    z = precondition(residual);
    const next = dot(residual, z);
    const previous = p;
    const beta = next / rz;
    p = z.map((value, k) => value + beta * previous[k]!);
    rz = next;
  }
  return d;
}

/** Which classes may move, and the multiplier μ ≥ 0 of Σ q = 1 that the moving ones imply. */
function splitClasses(
  q: Float64Array,
  gradient: Float64Array,
  floor: number,
): { free: Uint8Array; mu: number } {
  const free = new Uint8Array(q.length).fill(1);
  let mu = 0;
  // Two rounds: the multiplier decides who is held, who is held decides the multiplier.
  for (let round = 0; round < 2; round++) {
    let mass = 0;
    let pull = 0;
    for (let k = 0; k < q.length; k++) {
      free[k] = q[k]! <= floor * (1 + 1e-9) && gradient[k]! + mu * q[k]! > 0 ? 0 : 1;
      if (!free[k]) continue;
      mass += q[k]!;
      pull -= gradient[k]!;
    }
    mu = mass > 0 ? Math.max(0, pull / mass) : 0;
  }
  return { free, mu };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
