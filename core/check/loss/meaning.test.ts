import { describe, expect, it } from "vitest";
import { type Broken, ce, expectFailure, failures, loss } from "../../../test/support/check-failures.ts";

describe("a loss that does not mean what it should", () => {
  let calls = 0;
  let most = 0;

  it.each<Broken>([
    [
      "a forgotten minus",
      "direction",
      loss((g, { logits, labels }) => g.reduceMean(g.pick(g.logSoftmax(logits, 1), labels))),
      /as the logits of the labels rise against the others, the loss rises .*\n +→ .*a forgotten minus/,
    ],
    [
      "labels that are ignored",
      "labels",
      // The entropy of the prediction.
      loss((g, { logits }) => {
        const logs = g.logSoftmax(logits, 1);
        return g.neg(g.reduceMean(g.reduceSum(g.mul(g.exp(logs), logs), 1)));
      }),
      /other labels leave the loss as it is\n +→ make the loss a function of `labels`/,
    ],
    [
      "the order of the classes",
      "class order",
      loss((g, inputs) => {
        const ranks = [...inputs.classCounts.keys()];
        return ce(g, { ...inputs, logits: g.add(inputs.logits, g.constant(ranks, [ranks.length])) });
      }),
      /renumbering 4 classes .* changes the loss from .* to .*\n +→ .*orderedClasses/,
    ],
    [
      "a rule on numbers of classes above those of small problems",
      "class order, 200 classes",
      loss((g, { logits, labels, classCounts }) => {
        const weights = classCounts.map((_, k) => (k < 36 ? 1 : 2));
        const own = g.gather(g.constant(weights, [weights.length]), labels);
        return g.reduceMean(g.mul(own, g.negativeLogLikelihood(logits, labels)));
      }),
      /renumbering 200 classes .* changes the loss/,
    ],
    [
      "a claim of ordered classes",
      "class order",
      loss(ce, { orderedClasses: true }),
      /claims `orderedClasses`/,
    ],
    [
      "the order of the batch",
      "batch order",
      loss((g, { logits, labels }) => {
        const nll = g.negativeLogLikelihood(logits, labels);
        return g.reduceMean(g.mul(nll, g.constant([...Array(nll.shape[0]).keys()], nll.shape)));
      }),
      /another order of the samples changes the loss/,
    ],
    [
      "batch size, by summing",
      "batch size",
      loss((g, { logits, labels }) => g.reduceSum(g.negativeLogLikelihood(logits, labels))),
      /it is their sum: use g\.reduceMean/,
    ],
    [
      "batch size, by summing and a claim of whole batches",
      "batch size",
      loss((g, { logits, labels }) => g.reduceSum(g.negativeLogLikelihood(logits, labels)), {
        wholeBatch: true,
      }),
      /it is their sum: use g\.reduceMean/,
    ],
    [
      "batch size, by a weighted sum and a claim of whole batches",
      "batch size",
      loss(
        (g, { logits, labels, classCounts }) => {
          const own = g.gather(g.constant(classCounts, [classCounts.length]), labels);
          const weights = g.div(own, g.reduceMean(own));
          return g.reduceSum(g.mul(weights, g.negativeLogLikelihood(logits, labels)));
        },
        { wholeBatch: true },
      ),
      /the same 5 samples twice make the loss .*\n +→ it grows with the batch/,
    ],
    [
      "batch size, by statistics of the batch",
      "batch size",
      loss((g, inputs) => g.add(ce(g, inputs), g.reduceMax(inputs.logits))),
      /set `wholeBatch: true`/,
    ],
    [
      "a counter",
      "determinism",
      loss((g, inputs) => g.mul(1 + ++calls / 1e6, ce(g, inputs))),
      /built twice, it gives \d.* and \d/,
    ],
    [
      "the largest count ever seen",
      "determinism",
      loss((g, { logits, labels, classCounts }) => {
        most = Math.max(most, ...classCounts);
        const rarity = g.constant(
          classCounts.map((count) => count / most),
          [classCounts.length],
        );
        return g.crossEntropy(g.add(logits, rarity), labels);
      }),
      /built twice, it gives \d.* and \d/,
    ],
  ])("%s fails", async (...broken) => {
    await expectFailure(broken);
  });

  it("statistics of the batch are fine where it says so", async () => {
    const whole = loss((g, inputs) => g.add(ce(g, inputs), g.reduceMax(inputs.logits)), { wholeBatch: true });
    expect((await failures(whole)).checks).toEqual([]);
  });

  it("errors of others than the label's logit count, too", async () => {
    // max(0, 1 + z_k − z_y) over k ≠ y, as a smooth function, and its part that only pushes others down.
    const pushing = loss((g, { logits, labels, classCounts }) => {
      const others = g.sub(1, g.oneHot(labels, classCounts.length));
      return g.reduceMean(g.reduceLogSumExp(g.sub(logits, g.mul(1e3, g.sub(1, others))), 1));
    });
    const { checks } = await failures(pushing);
    expect(checks).not.toContain("direction");
    expect(checks).not.toContain("labels");
  });
});
