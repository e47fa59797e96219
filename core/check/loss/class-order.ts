import { fail, note, type Outcome, ok } from "../findings.ts";
import { deviation, largestDeviation, show } from "../precision.ts";
import { type LossProblem, otherOrder, renumberClasses } from "./problem.ts";
import { problemFor, type Subject, type TrainedSubject, withLoss, withPrediction } from "./subject.ts";

/** Enough that rules such as "the first 36 classes are the head" show. */
const MORE_CLASSES = 200;

const REPAIR = "index nothing by a class's number; for ordinal labels set `orderedClasses: true`";

/** The first renumbering of the classes that changes the loss, in words. */
async function changed(
  { recipe, renumbered, precision, ...subject }: TrainedSubject,
  size: { readonly classes: number; readonly batch?: number },
): Promise<string | undefined> {
  for (const seed of [0, 1]) {
    const p = problemFor(subject, { ...size, seed });
    const order = otherOrder(p.classes, seed);
    const value = (own: typeof recipe, problem: LossProblem) =>
      withLoss(own, problem, precision.floatType, async (open) => (await open.at(problem)).loss);
    const [before, after] = [
      await value(recipe, p),
      await value(renumbered(order), renumberClasses(p, order)),
    ];
    if (deviation(before, after) > precision.rounding)
      return `renumbering ${p.classes} classes (logits, labels, counts and priors together) changes the loss from ${show(before)} to ${show(after)}`;
  }
  return undefined;
}

export async function classOrder(subject: TrainedSubject): Promise<Outcome> {
  const { claims, classes } = subject;
  const found = await changed(subject, { classes });
  if (found !== undefined)
    return claims.orderedClasses ? note(`${found}, as \`orderedClasses\` says`) : fail(found, REPAIR);
  return claims.orderedClasses
    ? fail(
        "renumbering the classes changes nothing, but it claims `orderedClasses`",
        "remove `orderedClasses`",
      )
    : ok("renumbering the classes changes nothing");
}

export async function manyClassesOrder(subject: TrainedSubject): Promise<Outcome> {
  // Samples enough to have labels on both sides of where a rule changes.
  const found = await changed(subject, { classes: MORE_CLASSES, batch: 16 });
  if (found === undefined) return ok(`renumbering ${MORE_CLASSES} classes changes nothing`);
  return subject.claims.orderedClasses ? note(found) : fail(found, REPAIR);
}

/** Largest deviation of the scores after the classes were renumbered from the scores before, renumbered. */
async function deviationPredicted(
  { recipe, renumbered, precision, ...subject }: Subject,
  classes: number,
): Promise<number> {
  const p = problemFor(subject, { classes });
  const order = otherOrder(p.classes, 0);
  const scores = (own: typeof recipe, problem: LossProblem) =>
    withPrediction(own, problem, precision.floatType, (open) => open.at(problem));
  const before = await scores(recipe, p);
  const after = await scores(renumbered(order), renumberClasses(p, order));
  const expected = new Float64Array(before.length);
  for (const [i, score] of before.entries()) expected[i - (i % classes) + order[i % classes]!] = score;
  return largestDeviation(after, expected);
}

const orderPredicted =
  (classesOf: (subject: Subject) => number) =>
  async (subject: Subject): Promise<Outcome> => {
    const classes = classesOf(subject);
    const worst = await deviationPredicted(subject, classes);
    if (worst <= subject.precision.rounding) return ok(`renumbering ${classes} classes renumbers the scores`);
    const found = `renumbering ${classes} classes changes scores by ${show(worst)} (relative)`;
    return subject.claims.orderedClasses ? note(found) : fail(found, REPAIR);
  };

export const classOrderPredicted = orderPredicted(({ classes }) => classes);
export const manyClassesOrderPredicted = orderPredicted(() => MORE_CLASSES);
