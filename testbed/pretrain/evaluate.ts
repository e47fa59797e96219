import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { argmaxRows, spearman } from "../../core/evaluation/index.ts";
import { openCheckpoint } from "../../core/models/checkpoint/folder.ts";
import { embedImages } from "../../core/models/embed-images.ts";
import { embedTexts } from "../../core/models/embed-texts.ts";
import { createImageStore, testTransform } from "../../core/models/images/index.ts";
import { openTokenizer } from "../../core/models/tokenizer/index.ts";
import type { Dataset } from "../../core/plugin-api/index.ts";

export interface ZeroShotReport {
  /** Mean per-class accuracy on the downstream test set, in [0, 1]. */
  readonly accuracy: number;
  readonly chance: number;
  /** Mean accuracy of the classes in each third by recorded pre-training count, most frequent first. */
  readonly thirds: readonly [number, number, number];
  /** Rank correlation of per-class accuracy with the recorded count. */
  readonly rankCorrelation: number | undefined;
}

/** The report with what it was made of. */
export interface ZeroShotMeasurement extends ZeroShotReport {
  /** [K] */
  readonly perClass: readonly number[];
  /** [K] recorded pre-training counts */
  readonly recorded: readonly number[];
}

/**
 * Rank correlation of the recorded counts with how much better or worse each class does than in a model that was
 * pre-trained on flat counts. Some concepts are harder to tell than others; the difference takes that out.
 */
export const correlationAgainstFlat = (
  model: ZeroShotMeasurement,
  flat: ZeroShotMeasurement,
): number | undefined =>
  spearman(
    model.perClass.map((accuracy, k) => accuracy - flat.perClass[k]!),
    model.recorded,
  );

/** Zero-shot accuracy of a pre-trained folder on the downstream test set, and how it follows the recorded counts. */
export async function zeroShotReport(
  folder: string,
  dataset: Dataset,
  threads: number,
): Promise<ZeroShotMeasurement> {
  const checkpoint = await openCheckpoint(folder);
  const tokenizer = await openTokenizer(folder, checkpoint.config.text.contextLength);
  const { classNames, test } = dataset;
  const texts = await embedTexts(
    checkpoint,
    tokenizer,
    { classNames, prompts: ["a photo of a {}."] },
    { threads },
  );
  const store = createImageStore(test.images, checkpoint.preprocessor.channels);
  const transform = testTransform(checkpoint.preprocessor);
  const { logits } = await embedImages(
    checkpoint,
    texts,
    (indices, out) => store.fillBatch(indices, transform, out),
    test.labels.length,
    { batchSize: 128, threads },
  );
  const K = classNames.length;
  const predicted = argmaxRows(logits, test.labels.length, K);
  const right = new Float64Array(K);
  const total = new Float64Array(K);
  test.labels.forEach((label, i) => {
    total[label]!++;
    if (predicted[i] === label) right[label]!++;
  });
  const accuracy = Array.from(right, (r, k) => r / total[k]!);
  const { counts } = JSON.parse(await readFile(join(folder, "pretraining.json"), "utf8")) as {
    counts: Record<string, number>;
  };
  const recorded = classNames.map((name) => counts[name]!);
  const order = recorded.map((_, k) => k).sort((a, b) => recorded[b]! - recorded[a]!);
  const mean = (classes: readonly number[]) =>
    classes.reduce((sum, k) => sum + accuracy[k]!, 0) / classes.length;
  const third = (i: number) => mean(order.slice(Math.floor((i * K) / 3), Math.floor(((i + 1) * K) / 3)));
  return {
    accuracy: mean(order),
    chance: 1 / K,
    thirds: [third(0), third(1), third(2)],
    rankCorrelation: spearman(accuracy, recorded),
    perClass: accuracy,
    recorded,
  };
}
