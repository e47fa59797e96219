import { CROPS } from "../../models/images/crops-transform.ts";
import type { DatasetSizes } from "../../plugin-api/index.ts";
import { epochBatches } from "../../training/sampler.ts";
import type { ComparisonConfig } from "../config/types.ts";

/** How often what is computed, from a configuration and the sizes of its splits. */
export interface Work {
  /** Updates of one training run. */
  readonly steps: number;
  /** Batches of one fine-tuned model in evaluation: validation after every epoch, test, KNN bank. */
  readonly evaluationBatches: number;
  /** Crops per test image. */
  readonly views: number;
  /** Images of each split that go through a frozen backbone: test, validation, and what the prior is estimated on. */
  readonly zeroShot: Readonly<Record<"train" | "validation" | "test", number>>;
  /** Training images whose frozen features a head starts from, once or per seed. */
  readonly headFeatures: { readonly images: number; readonly perSeed: boolean };
}

/** Runs of a graph of a fixed batch size over images with several views each, as core/models/run-in-batches.ts has them. */
export function passes(images: number, views: number, batch: number): number {
  const group = Math.max(1, Math.floor(batch / views));
  return Math.ceil(images / group) * Math.ceil((group * views) / batch);
}

/** Images that a frozen backbone computes for a split: its graph is never larger than the split. */
export function frozenImages(images: number, views: number, batchSize: number): number {
  const batch = Math.min(batchSize, images * views);
  return images === 0 ? 0 : passes(images, views, batch) * batch;
}

export function workOf({ train, evaluation, head }: ComparisonConfig, sizes: DatasetSizes): Work {
  const { validation = 0, test } = sizes;
  const views = evaluation.tte === "none" ? 1 : CROPS[evaluation.tte];
  const bank = evaluation.knn.enabled ? 1 : 0;
  const priorFromTrain =
    evaluation.priorFrom === "train" || (evaluation.priorFrom === "validation" && validation === 0);
  const featuresOf: Partial<Record<typeof head.init, number>> = {
    "class-mean": sizes.train,
    "linear-probe": sizes.train,
    "n-shot": (head.shots ?? 0) * sizes.classes,
  };
  return {
    steps: train.epochs * epochBatches(sizes.train, train.batchSize),
    evaluationBatches:
      (train.epochs + bank) * passes(validation, 1, evaluation.batchSize) +
      passes(test, views, evaluation.batchSize),
    views,
    zeroShot: { train: priorFromTrain ? sizes.train : 0, validation, test },
    headFeatures: { images: featuresOf[head.init] ?? 0, perSeed: head.init === "n-shot" },
  };
}
