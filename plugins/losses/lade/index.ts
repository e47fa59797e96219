import { defineLoss, type Graph, type LossInputs, type Value } from "../../../core/plugin-api/index.ts";

/** LIFT and LADE's own code add it to priors inside a logarithm. */
const PRIOR_FLOOR = 1e-9;
/** Added to the number of the batch's samples of a class, so that an absent class divides 0 by it. */
const COUNT_FLOOR = 1e-8;

/**
 * −Σ_k π_k · (mean logit k of the batch's samples of k − t_k − λ·t_k²), t_k = log mean_b exp(z_bk − log π_k + log 1/K):
 * the regularised Donsker–Varadhan bound, per class, over the micro-batch.
 */
function disentangling(g: Graph, { logits, labels, classCounts }: LossInputs, lambda: number): Value {
  const [batch, classes] = logits.shape as [number, number];
  const total = classCounts.reduce((sum, count) => sum + count, 0);
  const prior = classCounts.map((count) => count / total);
  const perClass = (values: readonly number[]) => g.constant(values, [classes]);
  const hit = g.oneHot(labels, classes);
  const own = g.reduceSum(g.mul(logits, hit), 0, { keepDims: false });
  const first = g.div(own, g.add(g.reduceSum(hit, 0, { keepDims: false }), COUNT_FLOOR));
  const towardsBalanced = perClass(
    prior.map((p) => Math.log(1 / classes + PRIOR_FLOOR) - Math.log(p + PRIOR_FLOOR)),
  );
  const spread = g.add(logits, towardsBalanced);
  const second = g.sub(g.reduceLogSumExp(spread, 0, { keepDims: false }), Math.log(batch));
  const bound = g.sub(g.sub(first, second), g.mul(lambda, g.mul(second, second)));
  return g.neg(g.reduceSum(g.mul(perClass(prior), bound)));
}

export const plugin = defineLoss<{ lambda: number; weight: number }>({
  name: "lade",
  summary:
    "Label distribution disentangling: balanced softmax plus a bound that frees the logits of the training prior (Hong et al., 2021)",
  options: {
    type: "object",
    properties: {
      lambda: {
        type: "number",
        minimum: 0,
        default: 0.1,
        title: "λ",
        description: "Strength of the bound's regulariser (remine_lambda)",
      },
      weight: {
        type: "number",
        minimum: 0,
        default: 0.1,
        title: "Weight",
        description: "Weight of the bound beside the cross-entropy; 0 is balanced softmax",
      },
    },
    additionalProperties: false,
  },
  wholeBatch: true,
  build: (g, inputs, { lambda, weight }) => {
    const { logits, labels, classPrior } = inputs;
    const ce = g.crossEntropy(g.add(logits, g.log(classPrior)), labels);
    return g.add(ce, g.mul(weight, disentangling(g, inputs, lambda)));
  },
});
