/** A smooth function and its gradient at a point. The arrays are the caller's to keep. */
export type Objective = (x: Float64Array) => Promise<{ value: number; gradient: Float64Array }>;

export interface LbfgsOptions {
  readonly maxIterations: number;
  /** Ends when the largest entry of the gradient has fallen to this share of what it was at the start. */
  readonly tolerance: number;
  /** Relative precision of the objective's value; a smaller increase says nothing, and the slope decides. */
  readonly precision?: number;
  /** Steps remembered. */
  readonly memory?: number;
}

export interface LbfgsResult {
  readonly x: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /** Largest entry of the gradient, relative to the start. */
  readonly gradient: number;
  readonly converged: boolean;
}

const SUFFICIENT = 1e-4;
const CURVATURE = 0.9;
const TRIES = 30;

/**
 * Minimises a smooth function by limited-memory BFGS (Nocedal & Wright, algorithm 7.4); step lengths by bisection to
 * the weak Wolfe conditions (Lewis & Overton, 2013). Draws nothing: the same function gives the same result.
 */
export async function lbfgs(
  objective: Objective,
  start: Float64Array,
  { maxIterations, tolerance, precision = 0, memory = 10 }: LbfgsOptions,
): Promise<LbfgsResult> {
  let x = start;
  let { value, gradient } = await objective(x);
  const first = largest(gradient);
  const pairs: { s: Float64Array; y: Float64Array; sy: number }[] = [];
  const relative = () => (first === 0 ? 0 : largest(gradient) / first);
  let iterations = 0;
  for (; iterations < maxIterations && relative() > tolerance; iterations++) {
    const direction = descent(gradient, pairs);
    const slope = dot(direction, gradient);
    let [low, high] = [0, Number.POSITIVE_INFINITY];
    let step = pairs.length === 0 ? 1 / Math.sqrt(dot(gradient, gradient)) : 1;
    let next: { x: Float64Array; value: number; gradient: Float64Array } | undefined;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const at = x.map((own, i) => own + step * direction[i]!);
      const there = await objective(at);
      const allowed = value + SUFFICIENT * step * slope + precision * Math.abs(value);
      if (there.value > allowed) high = step;
      else {
        // Keeps the best so far, should the curvature condition never be met.
        next = { x: at, ...there };
        if (dot(there.gradient, direction) >= CURVATURE * slope) break;
        low = step;
      }
      step = high === Number.POSITIVE_INFINITY ? 2 * low : (low + high) / 2;
    }
    // Rounding hides any further progress.
    if (next === undefined) break;
    const s = next.x.map((own, i) => own - x[i]!);
    const y = next.gradient.map((own, i) => own - gradient[i]!);
    const sy = dot(s, y);
    if (sy > 0) {
      pairs.push({ s, y, sy });
      if (pairs.length > memory) pairs.shift();
    }
    ({ x, value, gradient } = next);
  }
  return { x, value, iterations, gradient: relative(), converged: relative() <= tolerance };
}

/** −H·gradient, H the inverse Hessian as the remembered pairs have it (two loops). */
function descent(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array; sy: number }[],
): Float64Array {
  const q = gradient.map((value) => -value);
  const alphas: number[] = [];
  for (const { s, y, sy } of pairs.toReversed()) {
    const alpha = dot(s, q) / sy;
    alphas.push(alpha);
    addScaled(q, y, -alpha);
  }
  const newest = pairs.at(-1);
  if (newest) {
    const scale = newest.sy / dot(newest.y, newest.y);
    for (let i = 0; i < q.length; i++) q[i]! *= scale;
  }
  for (const { s, y, sy } of pairs) addScaled(q, s, alphas.pop()! - dot(y, q) / sy);
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(target: Float64Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * values[i]!;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
