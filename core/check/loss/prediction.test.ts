import { describe, expect, it } from "vitest";
import { about, type Broken, expectFailure, failures } from "../../../test/support/check-failures.ts";
import { defineStrataLoss, type LossClaims, type StrataPredict } from "../../plugin-api/index.ts";

/** Combines runs of cross-entropy. */
const postHoc = (predict: StrataPredict, more: LossClaims = {}) =>
  defineStrataLoss({ ...about, ...more, recipe: () => ({ mode: "post-hoc", base: { use: "ce" }, predict }) });

describe("a prediction that breaks", () => {
  it.each<Broken>([
    [
      "what depends on the batch",
      "prediction, sample alone",
      postHoc((g, [z]) => g.sub(z!, g.reduceMean(z!, 0))),
      /differ by .* between a batch of 1 and of 5/,
    ],
    [
      "a shift although it says otherwise",
      "prediction, shift",
      postHoc((g, [z]) => g.mul(z!, z!), { shiftInvariant: true }),
      /changes the prediction, but it claims `shiftInvariant`/,
    ],
    [
      "overflow",
      "prediction, extreme logits",
      postHoc((g, [z]) => g.log(g.softmax(z!, 1))),
      /a score is -Infinity/,
    ],
    [
      "a rule on numbers of classes",
      "prediction, class order, 200 classes",
      postHoc((g, [z]) => {
        const boost = Array.from({ length: z!.shape[1]! }, (_, k) => (k < 36 ? 0 : 1));
        return g.add(z!, g.constant(boost, [boost.length]));
      }),
      /renumbering 200 classes changes scores/,
    ],
    [
      "a constant of K × K numbers",
      "prediction, 10,000 classes",
      postHoc((g, [z]) => {
        const classes = z!.shape[1]!;
        return g.matmul(z!, g.constant(new Array(classes ** 2).fill(1 / classes), [classes, classes]));
      }),
      /a tensor of shape \[1000, 1000\]/,
    ],
  ])("%s fails", async (...broken) => {
    await expectFailure(broken);
  });

  it.each<[string, StrataPredict]>([
    ["g.gelu", (g, [z]) => g.gelu(z!)],
    ["g.erf", (g, [z]) => g.erf(z!)],
  ])("%s, which has no kernel in double precision, is checked in single", async (_name, predict) => {
    const { checks, text } = await failures(postHoc(predict));
    expect(checks).toEqual([]);
    expect(text).toMatch(/note +prediction +.*checked in single precision/);
  });

  it("a joint loss has it told for both", async () => {
    const squashed: StrataPredict = (g, [z]) => g.mul(4, g.erf(g.div(z!, 4)));
    const joint = defineStrataLoss({
      ...about,
      recipe: () => ({
        mode: "joint",
        build: (g, { logits, labels, strataPrior }) =>
          logits
            .map((z, m) => g.mul(strataPrior[m]!, g.crossEntropy(squashed(g, [z], [1]), labels)))
            .reduce((sum, one) => g.add(sum, one)),
        predict: squashed,
      }),
    });
    const { checks, text } = await failures(joint);
    expect(checks).toEqual([]);
    expect(text.match(/note +(builds|prediction) .*checked in single precision/g)).toHaveLength(2);
  });
});
