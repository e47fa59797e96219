import { createGraph } from "../../graph/index.ts";
import type { LossClaims, LossRecipe } from "../../plugin-api/index.ts";
import { fail, note, type Outcome, ok } from "../findings.ts";
import { largestDeviation, type Precision, show } from "../precision.ts";
import { buildPrediction, type OpenPrediction, openPrediction } from "./evaluate.ts";
import {
  extremeLogits,
  type LossProblem,
  makeProblem,
  otherOrder,
  renumberClasses,
  shiftLogits,
  takeSamples,
} from "./problem.ts";

/** A recipe's prediction under check. */
export interface PredictedSubject {
  readonly recipe: LossRecipe;
  readonly again: () => LossRecipe;
  readonly precision: Precision;
  readonly strata: number;
  readonly masses?: readonly number[];
  readonly claims: LossClaims;
}

async function withPrediction<T>(
  recipe: LossRecipe,
  p: LossProblem,
  { floatType }: Pick<Precision, "floatType">,
  use: (open: OpenPrediction) => Promise<T>,
): Promise<T> {
  const open = await openPrediction(recipe, p, floatType);
  try {
    return await use(open);
  } finally {
    await open.release();
  }
}

const problemFor = (
  { strata, masses }: Pick<PredictedSubject, "strata" | "masses">,
  options: { readonly batch?: number; readonly classes?: number; readonly seed?: number } = {},
) => makeProblem({ strata, ...(masses ? { masses } : {}), ...options });

export async function predicts(subject: PredictedSubject): Promise<Outcome> {
  const { recipe, precision } = subject;
  const p = problemFor(subject);
  const scores = buildPrediction(createGraph({ floatType: precision.floatType }), recipe, p);
  if (scores.shape.join() !== `${p.batch},${p.classes}`) {
    return fail(
      `\`predict\` gives scores of shape [${scores.shape.join(", ")}] for ${p.batch} samples and ${p.classes} classes`,
      "return [B, K], one score per sample and class",
    );
  }
  await withPrediction(recipe, p, precision, (open) => open.at(p));
  return ok(`scores [B, K] from ${p.masses.length} ${p.masses.length === 1 ? "stratum" : "strata"}`);
}

export async function extremesPredicted(subject: PredictedSubject): Promise<Outcome> {
  const { recipe, precision } = subject;
  for (const classes of [1, 4]) {
    const p = extremeLogits(problemFor(subject, { batch: 6, classes }));
    for (const floatType of new Set(["float32", precision.floatType] as const)) {
      const scores = await withPrediction(recipe, p, { floatType }, (open) => open.at(p));
      const bad = scores.find((score) => !Number.isFinite(score));
      if (bad === undefined) continue;
      return fail(
        `with logits of ±1e4 and ${classes} classes in ${floatType}, a score is ${bad}`,
        "combine probabilities as logarithms: g.logSoftmax, then g.reduceLogSumExp",
      );
    }
  }
  return ok("scores are finite with logits of ±1e4, and with 1 class");
}

/** A sample's scores must not depend on what else is in the batch: batches of predictions are cut anywhere. */
export async function sampleAlone(subject: PredictedSubject): Promise<Outcome> {
  const { recipe, precision } = subject;
  const p = problemFor(subject);
  const together = await withPrediction(recipe, p, precision, (open) => open.at(p));
  const alone = await withPrediction(recipe, takeSamples(p, [0]), precision, async (open) => {
    const rows: number[] = [];
    for (const b of p.labels.keys()) rows.push(...(await open.at(takeSamples(p, [b]))));
    return rows;
  });
  const worst = largestDeviation(together, alone);
  return worst <= precision.rounding
    ? ok("a sample's scores do not depend on the rest of the batch")
    : fail(
        `a sample's scores differ by ${show(worst)} (relative) between a batch of 1 and of ${p.batch}`,
        "reduce over axis 1 (classes) only, never over axis 0 (samples)",
      );
}

export async function classOrderPredicted(subject: PredictedSubject): Promise<Outcome> {
  const { recipe, precision } = subject;
  const p = problemFor(subject, { classes: 5 });
  const order = otherOrder(p.classes, 0);
  const scores = (problem: LossProblem) =>
    withPrediction(recipe, problem, precision, (open) => open.at(problem));
  const [before, after] = [await scores(p), await scores(renumberClasses(p, order))];
  const expected = after.map((_, i) => {
    const [b, k] = [Math.floor(i / p.classes), i % p.classes];
    return before[b * p.classes + order.indexOf(k)]!;
  });
  const worst = largestDeviation(after, expected);
  if (worst <= precision.rounding) return ok("renumbering the classes renumbers the scores");
  const found = `renumbering the classes changes scores by ${show(worst)} (relative)`;
  return subject.claims.orderedClasses
    ? note(found)
    : fail(found, "index nothing by a class's number; for ordinal labels set `orderedClasses: true`");
}

export async function determinismPredicted(subject: PredictedSubject): Promise<Outcome> {
  const { recipe, again, precision } = subject;
  const p = problemFor(subject);
  const [first, second] = await Promise.all(
    [recipe, again()].map((own) => withPrediction(own, p, precision, (open) => open.at(p))),
  );
  return first!.every((value, i) => Object.is(value, second![i]))
    ? ok("built and run twice, it gives the same bits")
    : fail("built twice, it gives other scores", "no Math.random, no Date, no state kept between calls");
}

/** Whether a number added to all logits of a sample leaves softmax(scores) alone. */
export async function shiftPredicted(subject: PredictedSubject): Promise<Outcome> {
  const { recipe, precision, claims } = subject;
  const p = problemFor(subject);
  return withPrediction(recipe, p, precision, async (open) => {
    const log = (scores: Float64Array) =>
      p.labels.flatMap((_, b) => {
        const row = [...scores.subarray(b * p.classes, (b + 1) * p.classes)];
        const most = Math.max(...row);
        const total = row.reduce((sum, z) => sum + Math.exp(z - most), 0);
        return row.map((z) => z - most - Math.log(total));
      });
    const worst = largestDeviation(log(await open.at(p)), log(await open.at(shiftLogits(p))));
    if (worst <= precision.rounding) {
      const text = "adding a number to all logits of a sample leaves the prediction alone";
      return claims.shiftInvariant ? ok(text) : note(text);
    }
    const found = "adding a number to all logits of a sample changes the prediction";
    return claims.shiftInvariant
      ? fail(
          `${found}, but it claims \`shiftInvariant\``,
          "remove the claim, or use the logits through a softmax only",
        )
      : note(found);
  });
}
