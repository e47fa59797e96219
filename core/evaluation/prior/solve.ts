import { createAnderson } from "./anderson.ts";
import { fillSimplex, optimalityGap } from "./feasible.ts";
import type { Likelihood } from "./likelihood.ts";
import { majorizeStep } from "./majorize.ts";
import { newtonDirection } from "./newton.ts";

export interface PriorSolution {
  /** [K] q, sums to 1, every entry ≥ floor. */
  readonly prior: Float64Array;
  /** F(log q), nats. */
  readonly objective: number;
  /** Proven upper bound on F(log q) − min F, nats. */
  readonly gap: number;
  /** Points at which F and its gradient were evaluated. */
  readonly iterations: number;
  readonly converged: boolean;
}

interface Point {
  readonly u: Float64Array;
  readonly value: number;
  readonly mean: Float64Array;
}

/** Pairs remembered by the accelerator: more buys little here and costs orthogonalisation. */
const MEMORY = 10;
/** Cheap steps before Newton steps take over (three in four); overlapping classes need 10–30, nearly separable ones thousands. */
const CHEAP_STEPS = 30;

/**
 * Minimises the likelihood over priors with q_k ≥ floor. Majorise–minimise steps (always feasible, never increasing),
 * accelerated by Anderson's method; where that is not enough, mostly Newton steps. Proposals are kept only
 * if they do not increase F. Deterministic. Stops when the proven gap is at most `tolerance`.
 */
export function solvePrior(
  likelihood: Likelihood,
  options: { readonly floor: number; readonly tolerance: number; readonly maxIterations: number },
): PriorSolution {
  const { floor, tolerance, maxIterations } = options;
  const { classes: K, share } = likelihood;
  const accelerator = createAnderson(Math.min(MEMORY, K));
  let iterations = 0;
  const evaluate = (u: Float64Array): Point => {
    iterations++;
    return { u, ...likelihood.evaluate(u) };
  };
  // Differences below rounding say nothing about progress; the certificate decides there.
  const notWorse = (there: Point, here: Point) =>
    there.value <= here.value + 1e-14 * (1 + Math.abs(here.value));

  const newton = (here: Point, gradient: Float64Array): Point | undefined => {
    const direction = newtonDirection(likelihood, here.u, gradient, floor);
    for (let length = 1; length > 1e-3; length /= 4) {
      const there = evaluate(
        feasible(
          here.u.map((value, k) => value + length * direction[k]!),
          floor,
        ),
      );
      if (notWorse(there, here)) return there;
    }
    return undefined;
  };
  const accelerated = (here: Point): Point => {
    const step = majorizeStep(here.u, here.mean, share, floor);
    const there = evaluate(feasible(accelerator.propose(here.u, step), floor));
    if (notWorse(there, here)) return there;
    accelerator.reset();
    return evaluate(step);
  };

  let here = evaluate(new Float64Array(K).fill(-Math.log(K)));
  let best = { point: here, gap: Number.POSITIVE_INFINITY };
  for (let step = 0; ; step++) {
    const gradient = share.map((a, k) => a - here.mean[k]!);
    // Cross-entropy is never negative, so F itself is a bound too: the better one when classes are separable.
    const gap = Math.min(optimalityGap(gradient, here.u, floor), Math.max(0, here.value));
    if (gap < best.gap) best = { point: here, gap };
    if (best.gap <= tolerance || iterations >= maxIterations) break;

    const jumped = step >= CHEAP_STEPS && step % 4 !== 3 ? newton(here, gradient) : undefined;
    if (jumped) accelerator.reset();
    here = jumped ?? accelerated(here);
  }

  return {
    prior: fillSimplex(best.point.u.map(Math.exp), floor),
    objective: best.point.value,
    gap: best.gap,
    iterations,
    converged: best.gap <= tolerance,
  };
}

/** log of the feasible point nearest in shape to exp(u). */
function feasible(u: Float64Array, floor: number): Float64Array {
  let max = Number.NEGATIVE_INFINITY;
  for (const value of u) max = Math.max(max, value);
  return fillSimplex(
    u.map((value) => Math.exp(value - max)),
    floor,
  ).map(Math.log);
}
