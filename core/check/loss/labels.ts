import { mean } from "simple-statistics";
import { fail, note, type Outcome, ok } from "../findings.ts";
import { deviation, show } from "../precision.ts";
import { problemFor, type TrainedSubject, withLoss } from "./subject.ts";

/** Whether other labels change the loss: what does not depend on them teaches nothing of the classes. */
export async function labels({ recipe, precision, isDefault, ...subject }: TrainedSubject): Promise<Outcome> {
  // A loss with a margin may be 0 for one set of labels and for another.
  for (const seed of [0, 1, 2]) {
    const p = problemFor(subject, { seed });
    const other = p.labels.map((label) => (label + 1) % p.classes);
    const [before, after] = await withLoss(recipe, p, precision.floatType, async (open) => [
      (await open.at(p)).loss,
      (await open.at({ ...p, labels: other })).loss,
    ]);
    if (deviation(before, after) > precision.rounding) return ok("other labels change the loss");
  }
  const found = "other labels leave the loss as it is";
  return isDefault
    ? fail(found, "make the loss a function of `labels`, e.g. by g.pick(g.logSoftmax(logits, 1), labels)")
    : note(`${found} with these options`);
}

/** So many that the mean of a slope which differs from sample to sample has a sign. */
const SAMPLES = 64;

/** Whether the loss falls while the labels' logits rise against the others; without a sample's mean, for any shift. */
export async function direction({
  recipe,
  precision,
  isDefault,
  ...subject
}: TrainedSubject): Promise<Outcome> {
  const p = problemFor(subject, { batch: SAMPLES });
  const { gradients } = await withLoss(recipe, p, precision.floatType, (open) => open.at(p));
  let slope = 0;
  for (const all of gradients) {
    for (const [b, label] of p.labels.entries()) {
      const own = Array.from(all.subarray(b * p.classes, (b + 1) * p.classes));
      slope += own[label]! - mean(own);
    }
  }
  if (slope < 0) return ok("the loss falls as the logits of the labels rise");
  const found = `as the logits of the labels rise against the others, the loss ${slope > 0 ? "rises" : "does not fall"} (slope ${show(slope)}, mean of ${SAMPLES} samples)`;
  return isDefault
    ? fail(found, "training lowers the loss: look for a forgotten minus, as in −log p of the label")
    : note(`${found} with these options`);
}
