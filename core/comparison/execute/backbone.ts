import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { estimatePretrainPrior, type PriorEstimate } from "../../evaluation/index.ts";
import { type ClipCheckpoint, openCheckpoint } from "../../models/checkpoint/folder.ts";
import {
  type EmbeddedImages,
  type EmbedOptions,
  embedImages,
  type FillPixels,
  imageFeatures,
} from "../../models/embed-images.ts";
import { embedTexts, headFromText } from "../../models/embed-texts.ts";
import type { ZeroShotHead } from "../../models/heads/strata.ts";
import { resolveCheckpoint } from "../../models/hub/fetch-checkpoint.ts";
import { openTokenizer } from "../../models/tokenizer/index.ts";
import type { StrataTraining } from "../../plugin-api/index.ts";
import type { LoadPixels, Member } from "../../training/finetune.ts";
import type { CellBackbone } from "../plan/index.ts";
import { countLabels, type ExecutionContext, type SplitName, splitOf, throwIfAborted } from "./context.ts";
import { cachedOutputs } from "./frozen-cache.ts";
import { headStarts } from "./head-start.ts";
import type { ImageStores } from "./images.ts";

/** A foundation model made ready once and used by every cell that fine-tunes it. */
export interface PreparedBackbone {
  readonly label: string;
  readonly checkpoint: ClipCheckpoint;
  /** Images of each class in its pre-training data, where the checkpoint folder records them (pretraining.json). */
  readonly pretrainCounts?: readonly number[];
  /** Ready to be trained, with the head that the configuration wants. */
  member(prefix: string, peft: Member["peft"], seed: number, strata?: Member["strata"]): Promise<Member>;
  /** What its strata are estimated from. */
  strataTraining(seed: number): StrataTraining;
  readonly zeroShotHead: ZeroShotHead;
  load(split: SplitName): LoadPixels;
  /** What `load` writes per image of a split: 1, or the crops of the test-time ensemble. */
  views(split: SplitName): number;
  /** Frozen outputs over a split: what the head of a fine-tuned model would see at step 0, and zero-shot logits. */
  zeroShot(split: SplitName): Promise<EmbeddedImages>;
  prior(): Promise<PriorEstimate>;
}

/** Fetches and opens a checkpoint and computes its text features; zero-shot logits and the prior follow on demand, once. */
export async function prepareBackbone(
  context: ExecutionContext,
  backbone: CellBackbone,
  images: ImageStores,
): Promise<PreparedBackbone> {
  const { config, registry, baseDir, reporter, dataset, compile: compileOptions } = context;
  const { name, label, options } = backbone;
  const plugin = registry.get("backbone", name);
  const location = plugin.locate(options as never, { baseDir });
  const folder = await resolveCheckpoint(location, {
    env: process.env,
    onProgress: (text) => reporter.line(text),
  });
  const checkpoint = await openCheckpoint(folder, location);
  const { vision } = checkpoint.config;
  const tokenizer = await openTokenizer(folder, checkpoint.config.text.contextLength);
  const texts = await embedTexts(
    checkpoint,
    tokenizer,
    { classNames: dataset.classNames, prompts: config.prompts },
    { ...compileOptions, onBatch: () => throwIfAborted(context.signal) },
  );
  const pretrainCounts = await recordedCounts(folder, dataset.classNames);
  const load = (split: SplitName) => images.loader(split, checkpoint);

  const zeroShots = new Map<SplitName, Promise<EmbeddedImages>>();
  const zeroShot = (split: SplitName): Promise<EmbeddedImages> => {
    const known = zeroShots.get(split);
    if (known) return known;
    const made = embedSplit(split);
    zeroShots.set(split, made);
    return made;
  };
  const embed = async <T>(what: string, count: number, run: (options: EmbedOptions) => Promise<T>) => {
    throwIfAborted(context.signal);
    const stage = reporter.stage(`${label}: ${what}`, count, "images");
    const { batchSize } = config.evaluation;
    const onBatch = (n: number) => {
      throwIfAborted(context.signal);
      stage.advance(n);
    };
    const result = await run({ ...compileOptions, batchSize, onBatch });
    stage.done();
    return result;
  };
  const embedSplit = (split: SplitName): Promise<EmbeddedImages> => {
    const count = splitOf(context, split).labels.length;
    const views = images.views(split);
    const { batchSize, preprocessing, tte, expand } = config.evaluation;
    const settings = {
      ...compileOptions,
      batchSize,
      preprocessing,
      views,
      ...(tte === "none" ? {} : { tte, expand }),
    };
    return cachedOutputs(
      context.cacheDir,
      { checkpoint, texts, dataset: dataset.digest, split, settings },
      () =>
        embed(`zero-shot ${split}`, count, (own) =>
          embedImages(checkpoint, texts, load(split), count, { ...own, views }),
        ),
      (text) => reporter.warn(text),
    );
  };
  /** Kept once strata were estimated from them: the seeds that follow need them too. */
  let allFeatures: Promise<Float32Array> | undefined;
  const trainFeatures = async (indices?: readonly number[]): Promise<Float32Array> => {
    const known = zeroShots.get("train");
    if (known && !indices) return (await known).features;
    if (allFeatures && !indices) return allFeatures;
    const count = indices?.length ?? dataset.train.labels.length;
    const fill: FillPixels = indices
      ? (own, out) =>
          load("train")(
            Int32Array.from(own, (i) => indices[i]!),
            out,
          )
      : load("train");
    return embed("training features", count, (own) => imageFeatures(checkpoint, fill, count, own));
  };
  const headStart = headStarts(
    {
      label,
      width: vision.width,
      text: () => headFromText(checkpoint, texts, compileOptions),
      features: trainFeatures,
    },
    context,
  );

  let prior: Promise<PriorEstimate> | undefined;
  const estimate = async (): Promise<PriorEstimate> => {
    const { priorFrom } = config.evaluation;
    const split = priorFrom === "validation" && !dataset.validation ? "train" : priorFrom;
    const { labels } = splitOf(context, split);
    const counts = countLabels(splitOf(context, split), dataset.classNames.length);
    const { logits, features } = await zeroShot(split);
    if (split === "train") {
      // Of many images and classes the logits take many times what the features do, and are not needed again.
      allFeatures ??= Promise.resolve(features);
      zeroShots.delete(split);
    }
    return estimatePretrainPrior({
      logits,
      labels,
      classes: dataset.classNames.length,
      estimationPrior: Float64Array.from(counts, (n) => n / labels.length),
    });
  };

  return {
    label,
    checkpoint,
    ...(pretrainCounts ? { pretrainCounts } : {}),
    member: async (prefix, peft, seed, strata) => ({
      prefix,
      shape: vision,
      locate: (tensor) => checkpoint.locate(tensor),
      headType: config.head.type,
      headInit: await headStart(seed),
      headScale: config.head.scale,
      load: load("train"),
      ...(peft ? { peft } : {}),
      ...(strata ? { strata } : {}),
    }),
    strataTraining: (seed) => ({
      count: dataset.train.labels.length,
      width: vision.width,
      classes: dataset.classNames.length,
      labels: dataset.train.labels,
      features: () => (allFeatures ??= trainFeatures()),
      zeroShot: async () => (await zeroShot("train")).logits,
      seed,
    }),
    zeroShotHead: {
      texts,
      projectionDim: checkpoint.config.projectionDim,
      scale: Math.exp(checkpoint.logitScale),
    },
    load,
    views: images.views,
    zeroShot,
    prior: () => (prior ??= estimate()),
  };
}

/** Counts per class that whoever pre-trained the checkpoint wrote beside it. */
async function recordedCounts(folder: string, classNames: readonly string[]): Promise<number[] | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, "pretraining.json"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { counts } = JSON.parse(text) as { counts?: Readonly<Record<string, number>> };
  if (counts === undefined) return undefined;
  const own = classNames.map((name) => counts[name]);
  return own.every((count) => count !== undefined) ? own : undefined;
}
