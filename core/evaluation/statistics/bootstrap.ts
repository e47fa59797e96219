import { DualtailError } from "../../errors.ts";
import { drawsFor } from "./random.ts";
import { drawImages, drawSeeds, drawsOf, strataOf } from "./resample.ts";
import { studentQuantile } from "./student.ts";

/** A method on a backbone or a combination, over the same test images as every other row. */
export interface PredictedRow {
  /** Distinct; undefined where nothing is random, as in zero-shot predictions: then one entry. */
  readonly seeds: readonly (number | undefined)[];
  /** Per seed [N]: 1 where the image is predicted correctly, else 0. */
  readonly correct: readonly Uint8Array[];
}

/** Correct and wrong predictions of some methods on N test images. */
export interface BootstrapInput {
  /** [N], in [0, classes) */
  readonly labels: Int32Array;
  readonly classes: number;
  readonly rows: readonly PredictedRow[];
  /** Default 2000. */
  readonly resamples?: number;
  /** Of the generator. Default 0. */
  readonly seed?: number;
}

/** weight · mean per-class accuracy of a row over some classes. */
export interface Term {
  /** Index into the rows. */
  readonly row: number;
  readonly weight: number;
  /** Default: all classes. Classes without test images count for nothing. */
  readonly classes?: readonly number[];
}

/** A value with its uncertainty. */
export interface Estimate {
  /** Mean over the seeds. */
  readonly value: number;
  /** Percentile interval. */
  readonly low: number;
  readonly high: number;
  /** Two-sided: twice the smaller share of resamples at or beyond 0, at least 2 / (resamples + 1). */
  readonly p: number;
  /** Seeds the estimate rests on: those that all its rows have, where they have some in common. */
  readonly seeds: number;
  /** With a single seed only images are resampled: the interval does not cover another training run. */
  readonly resampled: "images" | "images and seeds";
  /** False where rows share no seed, so that each row's seeds are resampled on their own. */
  readonly paired: boolean;
}

/** Resamples, of which any number of estimates can be made. */
export interface Bootstrap {
  readonly resamples: number;
  /** A weighted sum of accuracies, in [0, 1]; undefined when a term has no tested class. */
  estimate(terms: readonly Term[], level?: number): Estimate | undefined;
}

/** Differences of this size are rounding. */
const ROUNDING = 1e-12;

/**
 * Paired bootstrap of mean per-class accuracies: test images are resampled within their class, seeds by a common multiplier,
 * and one resample serves all rows, so that what rows have in common cancels in their differences. With several seeds the
 * resamples are scaled to the variance of the mean (see `calibrated`). The same input and seed give the same result.
 *
 * @throws DualtailError for shapes that do not fit, labels out of range and a repeated seed
 */
export function bootstrap(input: BootstrapInput): Bootstrap {
  const { labels, classes, rows, resamples = 2000, seed = 0 } = input;
  check(input);
  const N = labels.length;
  const strata = strataOf(labels, classes);
  const counts = drawImages(strata, resamples, drawsFor(seed, "images"));
  const cache = new Map<string, Samples | undefined>();

  /** Value and [resamples] values of one run over some classes. */
  const samplesOf = (row: number, s: number, only: readonly number[] | undefined): Samples | undefined => {
    const key = `${row}/${s}/${only?.join() ?? ""}`;
    if (cache.has(key)) return cache.get(key);
    const tested = (only ?? Array.from({ length: classes }, (_, k) => k)).filter(
      (k) => strata.start[k + 1]! > strata.start[k]!,
    );
    const made = tested.length === 0 ? undefined : sample(rows[row]!.correct[s]!, tested);
    cache.set(key, made);
    return made;
  };

  const sample = (correct: Uint8Array, tested: readonly number[]): Samples => {
    const at = new Int32Array(N);
    const scale = new Float64Array(N);
    let hits = 0;
    let value = 0;
    for (const k of tested) {
      const from = strata.start[k]!;
      const n = strata.start[k + 1]! - from;
      for (let i = from; i < from + n; i++) {
        if (!correct[strata.order[i]!]) continue;
        at[hits] = i;
        scale[hits++] = 1 / (drawsOf(n) * tested.length);
        value += 1 / (n * tested.length);
      }
    }
    const resampled = new Float64Array(resamples);
    for (let b = 0; b < resamples; b++) {
      let sum = 0;
      for (let h = 0; h < hits; h++) sum += scale[h]! * counts[b * N + at[h]!]!;
      resampled[b] = sum;
    }
    return { value, resampled };
  };

  return {
    resamples,
    estimate(terms, level = 0.95) {
      const { seedsOf, used, paired } = pairSeeds(terms.map(({ row }) => rows[row]!));
      const both = new Float64Array(resamples);
      const byImages = new Float64Array(resamples);
      const bySeeds = new Float64Array(resamples);
      let value = 0;
      for (const [t, { row, weight, classes: only }] of terms.entries()) {
        const chosen = seedsOf[t]!;
        const S = chosen.length;
        const stream = `seeds ${chosen.map((s) => rows[row]!.seeds[s]).join()}${paired ? "" : ` of row ${row}`}`;
        const weights = S === 1 ? undefined : drawSeeds(S, resamples, drawsFor(seed, stream));
        for (const [i, s] of chosen.entries()) {
          const own = samplesOf(row, s, only);
          if (own === undefined) return undefined;
          value += (weight * own.value) / S;
          for (let b = 0; b < resamples; b++) {
            const drawn = weights ? weights[b * S + i]! : 1;
            both[b]! += weight * own.resampled[b]! * drawn;
            byImages[b]! += (weight * own.resampled[b]!) / S;
            bySeeds[b]! += weight * own.value * drawn;
          }
        }
      }
      const total = used > 1 ? calibrated(zeroed(value), { both, byImages, bySeeds }, used, level) : both;
      const resampled = used > 1 ? "images and seeds" : "images";
      return { ...summary(zeroed(value), total, level), seeds: used, resampled, paired };
    },
  };
}

interface Samples {
  readonly value: number;
  readonly resampled: Float64Array;
}

/**
 * Scales resamples about the value, for two reasons. With images, seeds and their interaction contributing I, S and X to
 * the variance of the mean, resampling both at once gives I + S + 3X, images alone I + X, seeds alone S + X; the mean has
 * I + S + X (Owen, 2007), and no less than either alone. And what few seeds say of their own variance is uncertain: the
 * part S of the half-width takes t of one degree of freedom less than seeds instead of the normal quantile.
 */
function calibrated(
  value: number,
  resampled: Readonly<Record<"both" | "byImages" | "bySeeds", Float64Array>>,
  seeds: number,
  level: number,
): Float64Array {
  const all = spreadAbout(value, resampled.both);
  const images = spreadAbout(value, resampled.byImages);
  const alone = spreadAbout(value, resampled.bySeeds);
  const wanted = Math.max(images, alone, 2 * (images + alone) - all);
  if (!(all > 0 && wanted > 0)) return resampled.both;
  const ofSeeds = Math.max(0, wanted - images);
  const heavier = studentQuantile(level, seeds - 1) / studentQuantile(level, MANY);
  const scale = Math.sqrt((wanted - ofSeeds + heavier ** 2 * ofSeeds) / all);
  return resampled.both.map((sample) => value + scale * (sample - value));
}

/** Degrees of freedom at which t is the normal distribution. */
const MANY = 1000;

const spreadAbout = (value: number, samples: Float64Array): number =>
  samples.reduce((sum, sample) => sum + (sample - value) ** 2, 0) / samples.length;

const zeroed = (value: number): number => (Math.abs(value) < ROUNDING ? 0 : value);

function summary(value: number, samples: Float64Array, level: number) {
  const sorted = samples.map(zeroed).sort();
  const B = sorted.length;
  const quantile = (q: number) => {
    const at = q * (B - 1);
    const below = Math.floor(at);
    const next = sorted[Math.min(B - 1, below + 1)]!;
    return sorted[below]! + (at - below) * (next - sorted[below]!);
  };
  const share = (beyond: (x: number) => boolean) => (1 + sorted.filter(beyond).length) / (B + 1);
  const p = Math.min(
    1,
    2 *
      Math.min(
        share((x) => x <= 0),
        share((x) => x >= 0),
      ),
  );
  return { value, low: quantile((1 - level) / 2), high: quantile((1 + level) / 2), p };
}

/** Which seeds (positions) of each row an estimate uses. Rows without randomness go with any. */
function pairSeeds(rows: readonly PredictedRow[]) {
  const random = rows.filter(({ seeds }) => seeds[0] !== undefined);
  const common = (random[0]?.seeds ?? []).filter((seed) => random.every(({ seeds }) => seeds.includes(seed)));
  const paired = common.length > 0 || random.length === 0;
  const seedsOf = rows.map(({ seeds }) =>
    seeds[0] === undefined ? [0] : paired ? common.map((seed) => seeds.indexOf(seed)) : [...seeds.keys()],
  );
  return {
    seedsOf,
    paired,
    used: paired ? Math.max(1, common.length) : Math.min(...seedsOf.map((s) => s.length)),
  };
}

function check({ labels, classes, rows, resamples = 2000 }: BootstrapInput): void {
  const fail = (problem: string) => {
    throw new DualtailError(`bootstrap: ${problem}`);
  };
  if (labels.length === 0) fail("there are no test images");
  if (!(Number.isInteger(resamples) && resamples >= 100)) fail(`${resamples} resamples; give at least 100`);
  const wrong = labels.findIndex((y) => !(y >= 0 && y < classes));
  if (wrong >= 0) fail(`test image ${wrong} has label ${labels[wrong]}, outside [0, ${classes})`);
  for (const [r, { seeds, correct }] of rows.entries()) {
    if (seeds.length === 0 || seeds.length !== correct.length) {
      fail(`row ${r} has ${seeds.length} seeds and ${correct.length} predictions`);
    }
    if (new Set(seeds).size < seeds.length) fail(`row ${r} has a seed twice: ${seeds.join(", ")}`);
    if (seeds.length > 1 && seeds.includes(undefined)) fail(`row ${r} has a run without a seed among others`);
    const short = correct.find(({ length }) => length !== labels.length);
    if (short) fail(`row ${r} has ${short.length} predictions for ${labels.length} images`);
  }
}
