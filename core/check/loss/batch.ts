import { fail, note, type Outcome, ok } from "../findings.ts";
import { deviation, show } from "../precision.ts";
import { otherOrder, takeSamples } from "./problem.ts";
import { problemFor, type TrainedSubject, withLoss } from "./subject.ts";

export async function batchOrder(subject: TrainedSubject): Promise<Outcome> {
  const { recipe, precision } = subject;
  const p = problemFor(subject);
  const other = takeSamples(p, otherOrder(p.batch, 0));
  return withLoss(recipe, p, precision.floatType, async (open) => {
    const [before, after] = [(await open.at(p)).loss, (await open.at(other)).loss];
    return deviation(before, after) <= precision.rounding
      ? ok("the order of the batch changes nothing")
      : fail(
          `another order of the samples changes the loss from ${show(before)} to ${show(after)}`,
          "treat all samples alike: no slices by position, no constants of length B that differ",
        );
  });
}

const REPAIR_SUM = "use g.reduceMean in place of g.reduceSum, or the learning rate depends on the batch size";

export async function batchSize(subject: TrainedSubject): Promise<Outcome> {
  const { recipe, precision } = subject;
  const same = (a: number, b: number) => deviation(a, b) <= precision.rounding;
  const isWhole = recipe.mode === "single" && recipe.wholeBatch === true;
  const p = problemFor(subject);
  const all = [...p.labels.keys()];
  const of = (samples: readonly number[]) => {
    const some = takeSamples(p, samples);
    return withLoss(recipe, some, precision.floatType, async (open) => (await open.at(some)).loss);
  };
  const whole = await of(all);
  const alone = await withLoss(recipe, takeSamples(p, [0]), precision.floatType, async (open) => {
    const losses: number[] = [];
    for (const b of all) losses.push((await open.at(takeSamples(p, [b]))).loss);
    return losses;
  });
  const sum = alone.reduce((total, loss) => total + loss, 0);
  const mean = sum / p.batch;
  if (same(whole, mean)) {
    return isWhole && subject.isDefault
      ? note("it is the mean over its samples; without `wholeBatch` large batches could be split")
      : ok("the loss of a batch is the mean over its samples");
  }
  const found = `the loss of ${p.batch} samples is ${show(whole)}, the mean of their own losses ${show(mean)}`;
  if (same(whole, sum)) return fail(found, `it is their sum: ${REPAIR_SUM}`);
  if (!isWhole) {
    return fail(
      found,
      recipe.mode === "single"
        ? "set `wholeBatch: true` if statistics of the batch are meant; otherwise the split into micro-batches changes the loss"
        : "a joint loss must be a mean over samples: batches are split into micro-batches",
    );
  }
  // Statistics of a batch are those of the batch taken twice; a weighted sum is twice the sum.
  const twice = await of([...all, ...all]);
  return same(twice, 2 * whole)
    ? fail(
        `the same ${p.batch} samples twice make the loss ${show(twice)} in place of ${show(whole)}`,
        `it grows with the batch, which \`wholeBatch\` does not mean: ${REPAIR_SUM}`,
      )
    : ok(`${found}, as \`wholeBatch\` says: batches are not split`);
}
