import { describe, expect, it } from "vitest";
import { type Broken, ce, expectFailure, failures, loss } from "../../../test/support/check-failures.ts";
import type { Graph, JsonSchema, LossInputs, LossRecipe, Value } from "../../plugin-api/index.ts";

describe("a loss whose numbers break", () => {
  const textbookSoftmax = (g: Graph, { logits, labels }: LossInputs) => {
    const exp = g.exp(logits);
    return g.reduceMean(g.neg(g.log(g.pick(g.div(exp, g.reduceSum(exp, 1)), labels))));
  };
  const scaled = (g: Graph, inputs: LossInputs, factor: Value) => g.mul(factor, ce(g, inputs));

  it.each<Broken>([
    [
      "overflow",
      "extreme logits",
      loss(textbookSoftmax),
      /±1e4 in float32.*\n +→ write it with g\.logSoftmax/,
    ],
    [
      "1 class",
      "1 class",
      loss((g, inputs) => g.div(ce(g, inputs), Math.log(inputs.classCounts.length))),
      /with 1 class .*NaN/,
    ],
    [
      "classes missing from the batch",
      "missing classes",
      loss((g, { logits, labels, classCounts }) => {
        const hit = g.oneHot(labels, classCounts.length);
        const counts = g.reduceSum(hit, 0, { keepDims: false });
        const own = g.reduceSum(g.mul(g.softmax(logits, 1), hit), 0, { keepDims: false });
        return g.neg(g.reduceMean(g.div(own, counts)));
      }),
      /class 0 of 4 alone, the loss is NaN/,
    ],
    [
      "classes without training images",
      "empty classes",
      // Not by defineLoss, which refuses them.
      {
        ...loss(ce),
        recipe: (): LossRecipe => ({
          mode: "single",
          needs: [],
          build: (g, { logits, labels, classPrior }) => g.crossEntropy(g.div(logits, classPrior), labels),
        }),
      },
      /without training images, the loss is NaN/,
    ],
    [
      "the gradient, by steps",
      "gradient",
      loss((g, inputs) =>
        ce(g, { ...inputs, logits: g.cast(g.cast(inputs.logits, "float16"), g.floatType) }),
      ),
      /at logits\[\d, \d\] \(label \d\), .*(do not settle|central differences give)/,
    ],
    [
      "the gradient, by being constant",
      "gradient",
      loss((g, { labels, classCounts }) => g.reduceMean(g.oneHot(labels, classCounts.length))),
      /the gradient by the logits is 0/,
    ],
    [
      "a claim of shift invariance",
      "shift",
      loss((g, inputs) => g.add(ce(g, inputs), g.reduceMean(g.mul(inputs.logits, inputs.logits))), {
        shiftInvariant: true,
      }),
      /changes the loss .* but it claims `shiftInvariant`/,
    ],
    [
      "its inputs",
      "builds",
      loss((g, inputs) => ce(g, { ...inputs, logits: g.add(inputs.logits, inputs.pretrainPrior!) })),
      /reads `pretrainPrior`, which is there only when `needs: \["pretrainPrior"\]`/,
    ],
    [
      "the precision of the graph",
      "builds",
      loss((g, inputs) => scaled(g, inputs, g.constant([2], [], "float32"))),
      /without a dtype/,
    ],
    [
      "the scalar",
      "builds",
      loss((g, { logits, labels }) => g.negativeLogLikelihood(logits, labels)),
      /single number/,
    ],
  ])("%s fails", async (...broken) => {
    await expectFailure(broken);
  });

  it("nothing passes", async () => {
    const { checks } = await failures(loss(ce, { shiftInvariant: true }));
    expect(checks).toEqual([]);
  });

  it("its schema fails to load, and the rest is not tried", async () => {
    const open = { ...loss(ce), options: { type: "object", properties: {} } as unknown as JsonSchema };
    expect(await failures(open)).toMatchObject({
      checks: ["loads"],
      text: expect.stringMatching(/additionalProperties: false/),
    });
  });

  it("the version of its interface fails to load", async () => {
    expect(await failures({ ...loss(ce), apiVersion: 2 })).toMatchObject({
      checks: ["loads"],
      text: expect.stringMatching(
        /built for plugin API 2, this dualtail has plugin API 1.*\n.*update dualtail/,
      ),
    });
  });
});

describe("the number of classes", () => {
  const squared = (share: (classes: number) => number) =>
    loss((g, inputs) => {
      const { length: classes } = inputs.classCounts;
      const costs = new Float32Array(share(classes) * classes).fill(1e-3);
      const pairs = g.cast(g.constant(costs, [share(classes), classes], "float32"), g.floatType);
      return g.add(ce(g, inputs), g.reduceMean(g.mul(pairs, 0)));
    });

  it.each<Broken>([
    [
      "a value of K × K numbers",
      "10,000 classes",
      loss((g, inputs) => {
        const prior = g.reshape(inputs.classPrior, [1, inputs.classCounts.length]);
        const pairs = g.matmul(prior, prior, { transA: true });
        return g.add(ce(g, inputs), g.reduceMean(g.mul(g.matmul(inputs.logits, pairs), 0)));
      }),
      /with 1000 classes a tensor of shape \[1000, 1000\], with 10000 about [48]\d\d MB/,
    ],
    [
      "a constant of K × K numbers",
      "10,000 classes",
      loss((g, inputs) => {
        const { length: classes } = inputs.classCounts;
        // At 10,000 classes this alone would take 800 MB.
        if (classes > 1000) throw new RangeError(`asked for ${classes} classes`);
        const costs = Array.from({ length: classes ** 2 }, (_, i) => (i % (classes + 1) === 0 ? -1 : 0));
        const expected = g.matmul(g.softmax(inputs.logits, 1), g.constant(costs, [classes, classes]));
        return g.reduceMean(g.pick(expected, inputs.labels));
      }),
      /a tensor of shape \[1000, 1000\], with 10000 about 400 MB/,
    ],
    ["half of it", "10,000 classes", squared((classes) => classes >> 1), /a tensor of shape \[500, 1000\]/],
  ])("%s fails", async (...broken) => {
    await expectFailure(broken);
  });

  it("may come with a table of fixed height", async () => {
    expect((await failures(squared(() => 1500))).checks).toEqual([]);
  });
});
