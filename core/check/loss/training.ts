import type { LossClaims } from "../../plugin-api/index.ts";
import { compareWithDifferences, describeMismatch } from "../differences.ts";
import { fail, note, type Outcome, ok } from "../findings.ts";
import { deviation, largestDeviation, type Precision, show } from "../precision.ts";
import { type OpenLoss, openLoss, type Point, type TrainedRecipe } from "./evaluate.ts";
import {
  extremeLogits,
  type LossProblem,
  makeProblem,
  otherOrder,
  renumberClasses,
  shiftLogits,
  takeSamples,
} from "./problem.ts";

/** A recipe's loss under check. */
export interface TrainedSubject {
  readonly recipe: TrainedRecipe;
  /** Made anew, for what must not differ from one time to the next. */
  readonly again: () => TrainedRecipe;
  readonly precision: Precision;
  readonly strata: number;
  readonly masses?: readonly number[];
  /** With options at the edge of its schema a loss may well be constant. */
  readonly isDefault: boolean;
  readonly claims: LossClaims;
}

/** Opens, uses and releases. */
export async function withLoss<T>(
  recipe: TrainedRecipe,
  p: LossProblem,
  floatType: Precision["floatType"],
  use: (loss: OpenLoss) => Promise<T>,
): Promise<T> {
  const open = await openLoss(recipe, p, floatType);
  try {
    return await use(open);
  } finally {
    await open.release();
  }
}

export const problemFor = (
  { strata, masses }: Pick<TrainedSubject, "strata" | "masses">,
  options: { readonly batch?: number; readonly classes?: number; readonly seed?: number } = {},
): LossProblem => makeProblem({ strata, ...(masses ? { masses } : {}), ...options });

/** What of a loss is not finite at a point, if anything. */
async function broken(open: OpenLoss, point: Point): Promise<string | undefined> {
  const { loss, gradients } = await open.at(point);
  if (!Number.isFinite(loss)) return `the loss is ${loss}`;
  const gradient = gradients.flatMap((values) => [...values]).find((value) => !Number.isFinite(value));
  return gradient === undefined ? undefined : `the loss is ${show(loss)}, but its gradient has ${gradient}`;
}

const STABLE =
  "write it with g.logSoftmax, g.reduceLogSumExp, g.negativeLogLikelihood or g.crossEntropy, which subtract the largest logit; keep what goes into log, sqrt, pow and div away from 0";

export async function extremes({ recipe, precision, ...subject }: TrainedSubject): Promise<Outcome> {
  const p = problemFor(subject, { batch: 6 });
  for (const floatType of new Set(["float32", precision.floatType] as const)) {
    const what = await withLoss(recipe, p, floatType, (open) => broken(open, extremeLogits(p)));
    if (what) return fail(`with logits of ±1e4 in ${floatType}, ${what}`, STABLE);
  }
  return ok("loss and gradient are finite with logits of ±1e4");
}

export async function oneClass({ recipe, precision, ...subject }: TrainedSubject): Promise<Outcome> {
  const p = problemFor(subject, { classes: 1 });
  const what = await withLoss(recipe, p, precision.floatType, (open) => broken(open, p));
  return what
    ? fail(`with 1 class (π = 1, log π = 0), ${what}`, "look for a division by K − 1, by log K or by log π")
    : ok("loss and gradient are finite with 1 class");
}

export async function missingClasses({ recipe, precision, ...subject }: TrainedSubject): Promise<Outcome> {
  const p = problemFor(subject);
  return withLoss(recipe, p, precision.floatType, async (open) => {
    for (const label of [0, p.classes - 1]) {
      const what = await broken(open, { ...p, labels: p.labels.map(() => label) });
      if (what) {
        return fail(
          `with a batch that holds class ${label} of ${p.classes} alone, ${what}`,
          "most classes are missing from most batches of a long tail: do not divide by the number of a class's samples in the batch",
        );
      }
    }
    return ok("loss and gradient are finite where classes are missing from the batch");
  });
}

/** Zero images of a class: refused by name or finite, never NaN hours later. */
export async function emptyClasses({ recipe, precision, ...subject }: TrainedSubject): Promise<Outcome> {
  const full = problemFor(subject);
  const p = {
    ...full,
    classCounts: full.classCounts.map((n, k) => (k === 1 ? 0 : n)),
    labels: full.labels.map(() => 0),
  };
  const repair =
    "use defineLoss, which refuses such data by the class's label, or throw a DualtailError that names the class";
  let what: string | undefined;
  try {
    what = await withLoss(recipe, p, precision.floatType, (open) => broken(open, p));
  } catch (error) {
    const message = (error as Error).message;
    return (error as { oneLine?: string }).oneLine === undefined
      ? fail(`a class without training images makes it throw: ${message}`, repair)
      : ok(`a class without training images is refused: ${message}`);
  }
  return what
    ? fail(`with a class without training images, ${what}`, repair)
    : ok("finite with a class without training images");
}

export async function gradient({
  recipe,
  precision,
  isDefault,
  ...subject
}: TrainedSubject): Promise<Outcome> {
  let worst = "";
  let isRough = false;
  let largest = 0;
  // A kink that a random point happens to lie on is no fault: it must settle at one of three.
  for (let seed = 0; seed < 3; seed++) {
    const p = problemFor(subject, { seed });
    const wrong = await withLoss(recipe, p, precision.floatType, async (open) => {
      const { gradients } = await open.at(p);
      for (const [m, z] of p.logits.entries()) {
        largest = Math.max(largest, ...gradients[m]!.map(Math.abs));
        const at = async (moved: Float64Array) =>
          (await open.at({ ...p, logits: p.logits.map((other, i) => (i === m ? moved : other)) })).loss;
        const mismatch = await compareWithDifferences(z, gradients[m]!, at, precision);
        if (mismatch) return { m, mismatch };
      }
      return undefined;
    });
    if (wrong === undefined) {
      if (largest <= 1e-6 && !isDefault) return note("the gradient by the logits is 0 with these options");
      return largest > 1e-6
        ? ok(`the gradient fits central differences to ${precision.gradient} in ${precision.floatType}`)
        : fail(
            "the gradient by the logits is 0: nothing would be learned",
            "make the loss a function of `logits`",
          );
    }
    const { m, mismatch } = wrong;
    const [b, k] = [Math.floor(mismatch.index / p.classes), mismatch.index % p.classes];
    const place = `logits${p.logits.length > 1 ? `[${m}]` : ""}[${b}, ${k}] (label ${p.labels[b]})`;
    worst = `at ${place}, ${describeMismatch(mismatch)}`;
    isRough = mismatch.rough;
    if (!isRough) break;
  }
  return fail(
    worst,
    isRough
      ? "casts to a narrower type, comparisons, g.sign and g.argMax make steps: use a smooth form"
      : "g.sign, comparisons, g.argMax and casts to integers pass no gradient on: what depends on the logits through them is treated as constant",
  );
}

/** Differences of two losses, and what to say of them. */
const same = (a: number, b: number, { rounding }: Precision) => deviation(a, b) <= rounding;

export async function classOrder(subject: TrainedSubject): Promise<Outcome> {
  const { recipe, precision, claims } = subject;
  for (const seed of [0, 1]) {
    const p = problemFor(subject, { classes: 5, seed });
    const other = renumberClasses(p, otherOrder(p.classes, seed));
    const value = (problem: LossProblem) =>
      withLoss(recipe, problem, precision.floatType, async (open) => (await open.at(problem)).loss);
    const [before, after] = [await value(p), await value(other)];
    if (same(before, after, precision)) continue;
    const found = `renumbering the classes (logits, labels, counts and priors together) changes the loss from ${show(before)} to ${show(after)}`;
    return claims.orderedClasses
      ? note(`${found}, as \`orderedClasses\` says`)
      : fail(found, "index nothing by a class's number; for ordinal labels set `orderedClasses: true`");
  }
  return claims.orderedClasses
    ? fail(
        "renumbering the classes changes nothing, but it claims `orderedClasses`",
        "remove `orderedClasses`",
      )
    : ok("renumbering the classes changes nothing");
}

export async function batchOrder(subject: TrainedSubject): Promise<Outcome> {
  const { recipe, precision } = subject;
  const p = problemFor(subject);
  const other = takeSamples(p, otherOrder(p.batch, 0));
  return withLoss(recipe, p, precision.floatType, async (open) => {
    const [before, after] = [(await open.at(p)).loss, (await open.at(other)).loss];
    return same(before, after, precision)
      ? ok("the order of the batch changes nothing")
      : fail(
          `another order of the samples changes the loss from ${show(before)} to ${show(after)}`,
          "treat all samples alike: no slices by position, no constants of length B that differ",
        );
  });
}

export async function shift(subject: TrainedSubject): Promise<Outcome> {
  const { recipe, precision, claims } = subject;
  const p = problemFor(subject);
  return withLoss(recipe, p, precision.floatType, async (open) => {
    const [before, after] = [(await open.at(p)).loss, (await open.at(shiftLogits(p))).loss];
    const found = `adding a number to all logits of a sample changes the loss from ${show(before)} to ${show(after)}`;
    if (same(before, after, precision)) {
      const text = "adding a number to all logits of a sample changes nothing";
      return claims.shiftInvariant ? ok(text) : note(`${text}; it could claim \`shiftInvariant: true\``);
    }
    return claims.shiftInvariant
      ? fail(
          `${found}, but it claims \`shiftInvariant\``,
          "remove the claim, or use the logits through a softmax only",
        )
      : note(found);
  });
}

export async function batchSize(subject: TrainedSubject): Promise<Outcome> {
  const { recipe, precision } = subject;
  const isWhole = recipe.mode === "single" && recipe.wholeBatch === true;
  const p = problemFor(subject);
  const whole = await withLoss(recipe, p, precision.floatType, async (open) => (await open.at(p)).loss);
  const single = takeSamples(p, [0]);
  const alone = await withLoss(recipe, single, precision.floatType, async (open) => {
    const losses: number[] = [];
    for (const b of p.labels.keys()) losses.push((await open.at(takeSamples(p, [b]))).loss);
    return losses;
  });
  const sum = alone.reduce((total, loss) => total + loss, 0);
  const mean = sum / p.batch;
  if (same(whole, mean, precision)) {
    return isWhole && subject.isDefault
      ? note("it is the mean over its samples; without `wholeBatch` large batches could be split")
      : ok("the loss of a batch is the mean over its samples");
  }
  const found = `the loss of ${p.batch} samples is ${show(whole)}, the mean of their own losses ${show(mean)}`;
  if (isWhole) return ok(`${found}, as \`wholeBatch\` says: batches are not split`);
  return fail(
    found,
    same(whole, sum, precision)
      ? "it is their sum: use g.reduceMean in place of g.reduceSum, or the learning rate depends on the batch size"
      : recipe.mode === "single"
        ? "set `wholeBatch: true` if statistics of the batch are meant; otherwise the split into micro-batches changes the loss"
        : "a joint loss must be a mean over samples: batches are split into micro-batches",
  );
}

export async function determinism({
  recipe,
  again,
  precision,
  ...subject
}: TrainedSubject): Promise<Outcome> {
  const p = problemFor(subject);
  const run = (own: TrainedRecipe) => withLoss(own, p, precision.floatType, (open) => open.at(p));
  const [first, second] = [await run(recipe), await run(again())];
  const equal =
    Object.is(first.loss, second.loss) &&
    first.gradients.every((values, m) =>
      values.every((value, i) => Object.is(value, second.gradients[m]![i])),
    );
  return equal
    ? ok("built and run twice, it gives the same bits")
    : fail(
        `built twice, it gives ${first.loss} and ${second.loss} (gradients differ by ${show(Math.max(...first.gradients.map((values, m) => largestDeviation(values, second.gradients[m]!))))})`,
        "no Math.random, no Date, no state kept between calls of `recipe` or `build`: draw from a generator of your own seed",
      );
}

/** Throws where the loss cannot be built; otherwise says what it is. */
export async function builds({ recipe, precision, ...subject }: TrainedSubject): Promise<Outcome> {
  const p = problemFor(subject);
  return withLoss(recipe, p, precision.floatType, async (open) => {
    const { loss } = await open.at(p);
    return Number.isFinite(loss)
      ? ok(`${recipe.mode}: a scalar over ${describeInputs(p)}`)
      : fail(`on ordinary logits the loss is ${loss}`, STABLE);
  });
}

const describeInputs = (p: LossProblem) =>
  `${p.logits.length > 1 ? `${p.logits.length} × ` : ""}[B, K] logits`;
