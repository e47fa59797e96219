import { DualtailError } from "../../errors.ts";
import { createLikelihood } from "./likelihood.ts";
import { solvePrior } from "./solve.ts";
import { fitTemperature } from "./temperature.ts";

/** Zero-shot predictions on labelled data. N images, K classes. */
export interface PriorEstimationInput {
  /** [N, K] row-major zero-shot logits z^zs, scale included. */
  readonly logits: Float32Array | Float64Array;
  /** [N], in [0, K). */
  readonly labels: Int32Array;
  /** K */
  readonly classes: number;
  /** [K] π of the estimation set; only needed when it is not balanced. Any positive scale. */
  readonly estimationPrior?: Float64Array;
  /** Least value of every q_k. Default 1e-6; must be in [1e-12, 1/K). */
  readonly floor?: number;
  /** Optimality gap, in nats of the mean cross-entropy, at which to stop. Default 1e-9. */
  readonly tolerance?: number;
  /** Evaluations of the objective before giving up (the result then says `converged: false`). Default 2000. */
  readonly maxIterations?: number;
  /** Uses this temperature instead of searching for it. */
  readonly temperature?: number;
}

/** The estimate, and how far it can be trusted. */
export interface PriorEstimate {
  /** [K] P̂_P, sums to 1, every entry ≥ floor. */
  readonly prior: Float64Array;
  readonly temperature: number;
  /** False when GLA's rule (mean max-probability = accuracy within 0.1 point) holds nowhere in [0.1, 10]: nearest end used. */
  readonly temperatureReached: boolean;
  /** Mean max-probability at that temperature, and accuracy, both in [0, 1]. */
  readonly confidence: number;
  readonly accuracy: number;
  /** mean CE(z/T − log q + log π, y) in nats, over the classes that occur in the estimation set. */
  readonly objective: number;
  /** Proven upper bound on how far `objective` is above its minimum (see `optimalityGap`). */
  readonly gap: number;
  readonly iterations: number;
  readonly converged: boolean;
  readonly floor: number;
  /** Classes without an image in the estimation set: the data say nothing of their prior, see `estimatePretrainPrior`. */
  readonly unidentified: readonly number[];
  /** Classes whose estimate is held up by the floor. */
  readonly atFloor: readonly number[];
}

const TEMPERATURE_RANGE = [0.1, 10] as const;
const TEMPERATURE_TOLERANCE = 0.001;

/**
 * Estimates the label prior of a model's pre-training data from zero-shot logits on labelled data (GLA, NeurIPS 2023;
 * arXiv 2310.08106): a temperature by calibration, then q* = argmin over the simplex of mean CE(z/T − log q + log π, y).
 *
 * A class without images has no minimiser: its gradient −p̄_k never vanishes, the formula alone would hand it the whole
 * mass. Such classes are left out of the likelihood and get the geometric mean of the others, i.e. the value at which
 * subtracting log q neither favours nor punishes them; they are listed in `unidentified`.
 *
 * @throws DualtailError for empty data, shapes that do not fit, labels out of range, non-finite logits, an impossible floor.
 */
export function estimatePretrainPrior(input: PriorEstimationInput): PriorEstimate {
  const { logits, labels, classes: K, floor = 1e-6, tolerance = 1e-9, maxIterations = 2000 } = input;
  check(input, floor);

  const fit =
    input.temperature === undefined
      ? fitTemperature(logits, labels, K, { range: TEMPERATURE_RANGE, tolerance: TEMPERATURE_TOLERANCE })
      : undefined;
  const given = input.temperature ?? 1;
  const calibration = fit ?? {
    ...fitTemperature(logits, labels, K, { range: [given, given], tolerance: TEMPERATURE_TOLERANCE }),
    temperature: given,
  };

  const seen = new Uint8Array(K);
  for (const y of labels) seen[y] = 1;
  const observed = Array.from(seen.keys()).filter((k) => seen[k]);
  const unidentified = Array.from(seen.keys()).filter((k) => !seen[k]);

  // Filling in unseen classes scales the others by at least observed/K; the inner floor makes up for it.
  const innerFloor = (floor * K) / observed.length;
  const likelihood = createLikelihood({
    ...restrict(logits, labels, K, observed),
    temperature: calibration.temperature,
    logPi: Float64Array.from(observed, (k) => Math.log(input.estimationPrior?.[k] ?? 1)),
  });
  const solution = solvePrior(likelihood, { floor: innerFloor, tolerance, maxIterations });

  return {
    prior: spread(solution.prior, observed, unidentified),
    temperature: calibration.temperature,
    temperatureReached: calibration.reached,
    confidence: calibration.confidence,
    accuracy: calibration.accuracy,
    objective: solution.objective,
    gap: solution.gap,
    iterations: solution.iterations,
    converged: solution.converged,
    floor,
    unidentified,
    atFloor: observed.filter((_, j) => solution.prior[j]! <= innerFloor * (1 + 1e-12)),
  };
}

/** Keeps the columns of the observed classes and renumbers labels; hands the input through when that is all of them. */
function restrict(
  logits: Float32Array | Float64Array,
  labels: Int32Array,
  K: number,
  observed: readonly number[],
): { logits: Float32Array | Float64Array; labels: Int32Array; classes: number } {
  const L = observed.length;
  if (L === K) return { logits, labels, classes: K };
  const position = new Int32Array(K).fill(-1);
  observed.forEach((k, j) => {
    position[k] = j;
  });
  const kept = new Float64Array(labels.length * L);
  for (let i = 0; i < labels.length; i++) {
    for (let j = 0; j < L; j++) kept[i * L + j] = logits[i * K + observed[j]!]!;
  }
  return { logits: kept, labels: labels.map((y) => position[y]!), classes: L };
}

function spread(
  inner: Float64Array,
  observed: readonly number[],
  unidentified: readonly number[],
): Float64Array {
  const prior = new Float64Array(observed.length + unidentified.length);
  const neutral = Math.exp(inner.reduce((sum, q) => sum + Math.log(q), 0) / inner.length);
  observed.forEach((k, j) => {
    prior[k] = inner[j]!;
  });
  for (const k of unidentified) prior[k] = neutral;
  const total = 1 + neutral * unidentified.length;
  return unidentified.length === 0 ? prior : prior.map((q) => q / total);
}

function check(input: PriorEstimationInput, floor: number): void {
  const { logits, labels, classes: K, estimationPrior } = input;
  const fail = (problem: string, hint: string) => {
    throw new DualtailError(`pre-training prior: ${problem}`, { hint });
  };
  const N = labels.length;
  if (N === 0)
    fail("no labelled image to estimate it from", "give the dataset a validation or training split");
  if (logits.length !== N * K) {
    fail(
      `${logits.length} logits for ${N} labels and ${K} classes`,
      `pass a row-major [${N}, ${K}] array of zero-shot logits`,
    );
  }
  if (!(floor >= 1e-12 && floor * K < 1)) {
    fail(`floor ${floor} is not in [1e-12, 1/${K})`, "choose a smaller floor, e.g. 1e-6");
  }
  if (input.temperature !== undefined && !(input.temperature > 0 && Number.isFinite(input.temperature))) {
    fail(`temperature ${input.temperature} is not positive`, "leave it out to have it searched for");
  }
  for (let i = 0; i < N; i++) {
    const y = labels[i]!;
    if (!(y >= 0 && y < K))
      fail(`image ${i} has label ${y}, outside [0, ${K})`, "check the dataset's labels");
    for (let k = 0; k < K; k++) {
      if (!Number.isFinite(logits[i * K + k]!)) {
        fail(
          `logit of image ${i}, class ${k} is ${logits[i * K + k]}`,
          "the zero-shot model or the image is broken",
        );
      }
    }
    if (estimationPrior && !(estimationPrior[y]! > 0 && Number.isFinite(estimationPrior[y]!))) {
      fail(
        `class ${y} occurs in the estimation set but its estimation prior is ${estimationPrior[y]}`,
        "use the label shares of the set itself, n_y / N",
      );
    }
  }
  if (estimationPrior && estimationPrior.length !== K) {
    fail(
      `estimation prior has ${estimationPrior.length} entries for ${K} classes`,
      "give one entry per class",
    );
  }
}
