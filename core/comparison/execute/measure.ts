import {
  downstreamGroups,
  evaluate,
  type Group,
  knnAccuracy,
  type Metrics,
  pretrainGroups,
  softmaxRows,
} from "../../evaluation/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import { type ExecutionContext, type SplitName, splitOf } from "./context.ts";

/** Class groups and the pre-training prior behind them, for one row of the result. */
export interface GroupsOfRow {
  readonly downstream: readonly Group[];
  readonly pretrain: readonly Group[];
  /** [K] what the P-groups were made from, summing to 1. */
  readonly prior: Float64Array;
  /** Whether it was recorded by whoever pre-trained the backbones, or estimated. */
  readonly priorSource: "recorded" | "estimated";
}

/**
 * D-groups from the training counts, or those that the dataset states for them; P-groups from the recorded
 * pre-training counts where every backbone of the row has them, else from the estimated prior. A row over several
 * backbones uses the mean of their priors.
 */
export async function groupsOf(
  context: ExecutionContext,
  backbones: readonly PreparedBackbone[],
): Promise<GroupsOfRow> {
  const recorded = backbones.every(({ pretrainCounts }) => pretrainCounts !== undefined);
  const priors = await Promise.all(
    backbones.map(async (backbone) => {
      if (!recorded) return (await backbone.prior()).prior;
      const total = backbone.pretrainCounts!.reduce((sum, count) => sum + count, 0);
      return Float64Array.from(backbone.pretrainCounts!, (count) => count / total);
    }),
  );
  const prior = priors[0]!.map((_, k) => priors.reduce((sum, own) => sum + own[k]!, 0) / priors.length);
  return {
    downstream: downstreamGroups(
      context.dataset.groupCounts ?? context.trainCounts,
      context.config.evaluation.thresholds,
    ),
    pretrain: pretrainGroups(prior),
    prior,
    priorSource: recorded ? "recorded" : "estimated",
  };
}

/** Features of one backbone over bank and queries, [N, width] each. */
export interface FeatureSet {
  readonly bank: Float32Array;
  readonly queries: Float32Array;
  readonly width: number;
}

/** Everything of §9 of the method notes that the data allows, from class scores over a split. */
export async function measure(
  context: ExecutionContext,
  split: SplitName,
  scores: Float32Array,
  groups: GroupsOfRow,
  features?: readonly FeatureSet[],
): Promise<Metrics> {
  const { labels } = splitOf(context, split);
  const classes = context.dataset.classNames.length;
  const metrics = evaluate({
    scores,
    labels,
    classes,
    probabilities: softmaxRows(scores, classes),
    downstream: groups.downstream,
    pretrain: groups.pretrain,
  });
  const { knn } = context.config.evaluation;
  const bank = context.dataset.validation;
  if (!knn.enabled || !bank || !features) return metrics;
  const { bank: bankFeatures, queries, width } = joinFeatures(features);
  const { accuracy } = await knnAccuracy({
    bank: bankFeatures,
    bankLabels: bank.labels,
    queries,
    queryLabels: labels,
    width,
    classes,
    k: knn.k,
    temperature: knn.temperature,
  });
  return { ...metrics, knn: accuracy };
}

/** Features of several backbones side by side, each scaled to length 1: their cosine is the mean of the cosines. */
function joinFeatures(sets: readonly FeatureSet[]): FeatureSet {
  if (sets.length === 1) return sets[0]!;
  const width = sets.reduce((sum, set) => sum + set.width, 0);
  const join = (part: "bank" | "queries") => {
    const count = sets[0]![part].length / sets[0]!.width;
    const out = new Float32Array(count * width);
    for (let i = 0; i < count; i++) {
      let at = i * width;
      for (const set of sets) {
        const row = set[part].subarray(i * set.width, (i + 1) * set.width);
        const norm = Math.hypot(...row) || 1;
        for (const value of row) out[at++] = value / norm;
      }
    }
    return out;
  };
  return { bank: join("bank"), queries: join("queries"), width };
}
