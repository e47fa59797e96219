import { describeError } from "../../errors.ts";
import { compareWithDifferences, describeMismatch } from "../differences.ts";
import { fail, note, type Outcome, ok } from "../findings.ts";
import { deviation, show } from "../precision.ts";
import type { OpenLoss, Point } from "./evaluate.ts";
import { extremeLogits, type LossProblem, shiftLogits } from "./problem.ts";
import { isRefusal, problemFor, type TrainedSubject, withLoss } from "./subject.ts";

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
    return isRefusal(error)
      ? ok(`a class without training images is refused: ${error.message}`)
      : fail(`a class without training images makes it throw: ${describeError(error)}`, repair);
  }
  return what
    ? fail(`with a class without training images, ${what}`, repair)
    : ok("finite with a class without training images");
}

/** Every logit of ordinary problems; not of those with hundreds of classes, since each costs six runs. */
const MOST_DIFFERENCES = 100;

/** Indices of logits, those of the labels among them. */
function someLogits({ batch, classes, labels }: LossProblem): number[] {
  const step = Math.ceil((batch * classes) / MOST_DIFFERENCES);
  const spread = Array.from({ length: Math.floor((batch * classes) / step) }, (_, i) => i * step);
  return [...new Set([...spread, ...labels.map((label, b) => b * classes + label)])];
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
        const mismatch = await compareWithDifferences(z, gradients[m]!, at, precision, someLogits(p));
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

export async function shift(subject: TrainedSubject): Promise<Outcome> {
  const { recipe, precision, claims } = subject;
  const p = problemFor(subject);
  return withLoss(recipe, p, precision.floatType, async (open) => {
    const [before, after] = [(await open.at(p)).loss, (await open.at(shiftLogits(p))).loss];
    const found = `adding a number to all logits of a sample changes the loss from ${show(before)} to ${show(after)}`;
    if (deviation(before, after) <= precision.rounding) {
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
