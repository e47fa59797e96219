import { createGraph } from "../../graph/index.ts";
import { fail, note, type Outcome, ok } from "../findings.ts";
import { largestDeviation, show } from "../precision.ts";
import { buildPrediction } from "./evaluate.ts";
import { extremeLogits, shiftLogits, takeSamples } from "./problem.ts";
import { problemFor, type Subject, withPrediction } from "./subject.ts";

export async function predicts(subject: Subject): Promise<Outcome> {
  const { recipe, precision } = subject;
  const p = problemFor(subject);
  const scores = buildPrediction(createGraph({ floatType: precision.floatType }), recipe, p);
  if (scores.shape.join() !== `${p.batch},${p.classes}`) {
    return fail(
      `\`predict\` gives scores of shape [${scores.shape.join(", ")}] for ${p.batch} samples and ${p.classes} classes`,
      "return [B, K], one score per sample and class",
    );
  }
  await withPrediction(recipe, p, precision.floatType, (open) => open.at(p));
  return ok(`scores [B, K] from ${p.masses.length} ${p.masses.length === 1 ? "stratum" : "strata"}`);
}

/** The first score that is not finite, in words. */
async function notFinite(
  { recipe, precision, ...subject }: Subject,
  classes: number,
): Promise<string | undefined> {
  const p = extremeLogits(problemFor(subject, { batch: 6, classes }));
  for (const floatType of new Set(["float32", precision.floatType] as const)) {
    const scores = await withPrediction(recipe, p, floatType, (open) => open.at(p));
    const bad = scores.find((score) => !Number.isFinite(score));
    if (bad !== undefined)
      return `with logits of ±1e4 and ${classes} classes in ${floatType}, a score is ${bad}`;
  }
  return undefined;
}

const STABLE = "combine probabilities as logarithms: g.logSoftmax, then g.reduceLogSumExp";

export async function extremesPredicted(subject: Subject): Promise<Outcome> {
  const found = await notFinite(subject, subject.classes);
  return found ? fail(found, STABLE) : ok("scores are finite with logits of ±1e4");
}

export async function oneClassPredicted(subject: Subject): Promise<Outcome> {
  const found = await notFinite(subject, 1);
  return found ? fail(found, STABLE) : ok("scores are finite with 1 class");
}

/** A sample's scores must not depend on what else is in the batch: batches of predictions are cut anywhere. */
export async function sampleAlone(subject: Subject): Promise<Outcome> {
  const { recipe, precision } = subject;
  const p = problemFor(subject);
  const together = await withPrediction(recipe, p, precision.floatType, (open) => open.at(p));
  const alone = await withPrediction(recipe, takeSamples(p, [0]), precision.floatType, async (open) => {
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

/** Whether a number added to all logits of a sample leaves softmax(scores) alone. */
export async function shiftPredicted(subject: Subject): Promise<Outcome> {
  const { recipe, precision, claims } = subject;
  const p = problemFor(subject);
  return withPrediction(recipe, p, precision.floatType, async (open) => {
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
