import { differentiate } from "../../autodiff/index.ts";
import { createGraph, extract, type Graph, sizeOf, type Value } from "../../graph/index.ts";
import { fail, type Outcome, ok } from "../findings.ts";
import { show } from "../precision.ts";
import { buildLoss, buildPrediction } from "./evaluate.ts";
import type { LossProblem } from "./problem.ts";
import { problemFor, type Subject, type TrainedSubject, withLoss, withPrediction } from "./subject.ts";

/** Classes that nothing may grow with the square of, and the smaller numbers that the growth is seen at. */
const [MANY_CLASSES, SOME_CLASSES] = [10_000, 1_000] as const;
const BATCH = 4;
/** Share of K² numbers that counts as growing with it; what grows with K alone has none. */
const SQUARE = 0.1;

/** The nodes that values are computed by. */
export const nodesOf = (g: Graph, outputs: readonly Value[]) => extract(g, outputs, () => false).graph.nodes;

/** A graph and what is asked of it, for so many classes. */
type Build = (g: Graph, p: LossProblem) => readonly Value[];

/** Every tensor that is made: what operators give, and constants, which are there before anything runs. */
function tensors(build: Build, p: LossProblem): { readonly largest: Value; readonly numbers: number } {
  const g = createGraph();
  const outputs = build(g, p);
  const all = [...nodesOf(g, outputs).flatMap((node) => node.outputs), ...g.initializers.keys()];
  const largest = all.reduce((most, value) => (sizeOf(value.shape) > sizeOf(most.shape) ? value : most));
  return { largest, numbers: all.reduce((sum, { shape }) => sum + sizeOf(shape), 0) };
}

/** Looks at shapes with fewer classes, before a K × K tensor would take 400 MB. */
function growth(build: Build, subject: Pick<Subject, "strata" | "masses" | "classes">): Outcome | undefined {
  const at = (classes: number) => tensors(build, problemFor(subject, { batch: BATCH, classes }));
  const [half, whole] = [at(SOME_CLASSES / 2), at(SOME_CLASSES)];
  // a K² + b K + c at both gives a.
  const square = (whole.numbers - 2 * half.numbers) / (SOME_CLASSES ** 2 / 2);
  if (square < SQUARE) return undefined;
  const megabytes = (square * MANY_CLASSES ** 2 * 4) / 1e6;
  return fail(
    `what it makes grows with the square of the number of classes: with ${SOME_CLASSES} classes a tensor of shape [${whole.largest.shape.join(", ")}], with ${MANY_CLASSES} about ${show(Math.round(megabytes))} MB in float32`,
    "memory must grow with B · K, not with K²: no constant of K × K numbers, and reduce over the classes before combining them with each other",
  );
}

export async function manyClasses(subject: TrainedSubject): Promise<Outcome> {
  const { recipe } = subject;
  const large = growth((g, p) => {
    const { loss, logits } = buildLoss(g, recipe, p);
    return [loss, ...differentiate(g, loss, logits)];
  }, subject);
  if (large) return large;
  const p = problemFor(subject, { batch: BATCH, classes: MANY_CLASSES });
  const { loss, gradients } = await withLoss(recipe, p, "float32", (open) => open.at(p));
  return Number.isFinite(loss) && gradients.every((values) => values.every(Number.isFinite))
    ? ok(`loss and gradient are finite with ${p.classes} classes`)
    : fail(
        `with ${p.classes} classes in float32 the loss or its gradient is not finite (loss ${loss})`,
        "priors of rare classes are near 1e-6 here: look for exp, pow or division of them",
      );
}

export async function manyClassesPredicted(subject: Subject): Promise<Outcome> {
  const { recipe } = subject;
  const large = growth((g, p) => [buildPrediction(g, recipe, p)], subject);
  if (large) return large;
  const p = problemFor(subject, { batch: BATCH, classes: MANY_CLASSES });
  const scores = await withPrediction(recipe, p, "float32", (open) => open.at(p));
  return scores.every(Number.isFinite)
    ? ok(`scores are finite with ${p.classes} classes`)
    : fail(
        `with ${p.classes} classes in float32 some scores are not finite`,
        "look for exp, pow or division of priors",
      );
}
