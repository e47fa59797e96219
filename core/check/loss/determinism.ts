import type { LossRecipe } from "../../plugin-api/index.ts";
import { fail, type Outcome, ok } from "../findings.ts";
import { largestDeviation, show } from "../precision.ts";
import type { LossProblem } from "./problem.ts";
import { problemFor, type Subject, type TrainedSubject, withLoss, withPrediction } from "./subject.ts";

/** Problems with more images per class than any before, so that what is kept of the largest shows. */
const [LARGER, LARGEST, UNSEEN] = [{ seed: 3 }, { seed: 4 }, { seed: 5 }] as const;

const REPAIR =
  "no Math.random, no Date, no state kept between calls of `recipe`, `build` or `predict`, nor in the module: draw from a generator of your own seed";

/**
 * Builds and runs twice, with another problem between; and where the plugin comes from a file, beside the same file
 * imported anew, for what the module keeps of the first problem that it sees, or draws when it is imported.
 * @param run what a recipe gives for a problem: numbers
 */
async function repeated<R extends LossRecipe>(
  subject: Subject<R>,
  run: (recipe: R, p: LossProblem) => Promise<Float64Array>,
): Promise<Outcome> {
  const { recipe, again, fresh } = subject;
  const first = await run(recipe, problemFor(subject, LARGER));
  await run(recipe, problemFor(subject, LARGEST));
  const second = await run(again(), problemFor(subject, LARGER));
  if (!isEqual(first, second)) return fail(`built twice, it gives ${differing(first, second)}`, REPAIR);
  if (fresh === undefined) return ok("built and run twice, it gives the same bits");
  const used = await run(recipe, problemFor(subject, UNSEEN));
  const other = await run(await fresh(), problemFor(subject, UNSEEN));
  return isEqual(used, other)
    ? ok("built and run twice, and imported anew, it gives the same bits")
    : fail(
        `imported anew, it gives ${differing(used, other)}: its module keeps something of earlier calls, or draws it when imported`,
        REPAIR,
      );
}

const isEqual = (a: Float64Array, b: Float64Array) => a.every((value, i) => Object.is(value, b[i]));

function differing(a: Float64Array, b: Float64Array): string {
  const at = a.findIndex((value, i) => !Object.is(value, b[i]));
  return `${a[at]} and ${b[at]} (differences of up to ${show(largestDeviation(a, b))}, relative)`;
}

export const determinism = (subject: TrainedSubject): Promise<Outcome> =>
  repeated(subject, (recipe, p) =>
    withLoss(recipe, p, subject.precision.floatType, async (open) => {
      const { loss, gradients } = await open.at(p);
      return Float64Array.from([loss, ...gradients.flatMap((values) => [...values])]);
    }),
  );

export const determinismPredicted = (subject: Subject): Promise<Outcome> =>
  repeated(subject, (recipe, p) =>
    withPrediction(recipe, p, subject.precision.floatType, (open) => open.at(p)),
  );
