/**
 * Anderson acceleration (type II) of a fixed-point map G: from the last few pairs (x, G(x)) it proposes the combination
 * whose residual G(x) − x is smallest in least squares. It only proposes; whoever uses it decides whether to accept.
 */
export interface Anderson {
  /** Records (x, G(x)) and proposes the next point. */
  propose(x: Float64Array, mapped: Float64Array): Float64Array;
  reset(): void;
}

export function createAnderson(memory: number): Anderson {
  let dResidual: Float64Array[] = [];
  let dMapped: Float64Array[] = [];
  let last: { residual: Float64Array; mapped: Float64Array } | undefined;

  return {
    reset() {
      dResidual = [];
      dMapped = [];
      last = undefined;
    },
    propose(x, mapped) {
      const residual = mapped.map((value, k) => value - x[k]!);
      if (last) {
        const { residual: r0, mapped: m0 } = last;
        dResidual.push(residual.map((value, k) => value - r0[k]!));
        dMapped.push(mapped.map((value, k) => value - m0[k]!));
        if (dResidual.length > memory) {
          dResidual.shift();
          dMapped.shift();
        }
      }
      last = { residual, mapped };
      const gamma = leastSquares(dResidual, residual);
      const next = Float64Array.from(mapped);
      gamma.forEach((c, j) => {
        const d = dMapped[j]!;
        for (let k = 0; k < next.length; k++) next[k]! -= c * d[k]!;
      });
      return next;
    },
  };
}

/** argmin_γ ‖target − Σ_j γ_j columns_j‖ by modified Gram–Schmidt; columns that add nothing get 0. */
function leastSquares(columns: readonly Float64Array[], target: Float64Array): number[] {
  const m = columns.length;
  const basis: (Float64Array | undefined)[] = [];
  const r = columns.map(() => new Float64Array(m));
  // Newest first: it is the one to keep when columns are nearly dependent.
  for (let j = m - 1; j >= 0; j--) {
    const v = Float64Array.from(columns[j]!);
    const before = Math.sqrt(dot(v, v));
    for (let i = m - 1; i > j; i--) {
      const q = basis[i];
      if (!q) continue;
      const c = dot(q, v);
      r[j]![i] = c;
      for (let k = 0; k < v.length; k++) v[k]! -= c * q[k]!;
    }
    const after = Math.sqrt(dot(v, v));
    if (!(after > 1e-8 * before)) continue;
    r[j]![j] = after;
    basis[j] = v.map((value) => value / after);
  }
  const gamma = new Array<number>(m).fill(0);
  const rest = Float64Array.from(target);
  const projected = new Float64Array(m);
  for (let j = m - 1; j >= 0; j--) {
    const q = basis[j];
    if (!q) continue;
    const c = dot(q, rest);
    projected[j] = c;
    for (let k = 0; k < rest.length; k++) rest[k]! -= c * q[k]!;
  }
  // columns_j = Σ_{i ≥ j} r[j][i] basis_i, so column 0 alone has a component along basis_0: back-substitute from there.
  for (let i = 0; i < m; i++) {
    if (!basis[i]) continue;
    let value = projected[i]!;
    for (let j = 0; j < i; j++) value -= gamma[j]! * r[j]![i]!;
    gamma[i] = value / r[i]![i]!;
  }
  return gamma;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
