import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { estimatePretrainPrior, type PriorEstimate } from "../../evaluation/index.ts";
import { type ClipCheckpoint, openCheckpoint } from "../../models/checkpoint/folder.ts";
import { embedImages } from "../../models/embed-images.ts";
import { embedTexts, headFromText } from "../../models/embed-texts.ts";
import { resolveCheckpoint } from "../../models/hub/fetch-checkpoint.ts";
import { openTokenizer } from "../../models/tokenizer/index.ts";
import type { LoadPixels, Member } from "../../training/finetune.ts";
import type { CellBackbone } from "../plan/index.ts";
import { countLabels, type ExecutionContext, type SplitName, splitOf, throwIfAborted } from "./context.ts";
import type { ImageStores } from "./images.ts";

/** Frozen outputs of a foundation model over a split. */
export interface ZeroShot {
  /** [N, K]: exp(logit_scale) · cos(image, prompt) */
  readonly logits: Float32Array;
  /** [N, width]: what the head of a fine-tuned model would see at step 0 */
  readonly features: Float32Array;
}

/** A foundation model made ready once and used by every cell that fine-tunes it. */
export interface PreparedBackbone {
  readonly label: string;
  readonly checkpoint: ClipCheckpoint;
  /** [K × width] from the text features. */
  readonly headInit: Float32Array;
  /** Images of each class in its pre-training data, where the checkpoint folder records them (pretraining.json). */
  readonly pretrainCounts?: readonly number[];
  member(prefix: string, peft: Member["peft"]): Member;
  load(split: SplitName): LoadPixels;
  zeroShot(split: SplitName): Promise<ZeroShot>;
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
  const folder = await resolveCheckpoint(plugin.locate(options as never, { baseDir }), {
    env: process.env,
    onProgress: (text) => reporter.line(text),
  });
  const checkpoint = await openCheckpoint(folder);
  const { vision } = checkpoint.config;
  const tokenizer = await openTokenizer(folder, checkpoint.config.text.contextLength);
  const texts = await embedTexts(
    checkpoint,
    tokenizer,
    { classNames: dataset.classNames, prompts: config.prompts },
    compileOptions,
  );
  const headInit = await headFromText(checkpoint, texts, compileOptions);
  const pretrainCounts = await recordedCounts(folder, dataset.classNames);
  const load = (split: SplitName) => images.loader(split, checkpoint);

  const zeroShots = new Map<SplitName, Promise<ZeroShot>>();
  const zeroShot = (split: SplitName): Promise<ZeroShot> => {
    const known = zeroShots.get(split);
    if (known) return known;
    const made = embedSplit(split);
    zeroShots.set(split, made);
    return made;
  };
  const embedSplit = async (split: SplitName): Promise<ZeroShot> => {
    throwIfAborted(context.signal);
    const count = splitOf(context, split).labels.length;
    const stage = reporter.stage(`${label}: zero-shot ${split}`, count, "images");
    const result = await embedImages(checkpoint, texts, load(split), count, {
      ...compileOptions,
      batchSize: config.evaluation.batchSize,
      onBatch: (n) => stage.advance(n),
    });
    stage.done();
    return result;
  };

  let prior: Promise<PriorEstimate> | undefined;
  const estimate = async (): Promise<PriorEstimate> => {
    const split = dataset.validation && config.evaluation.priorFrom === "validation" ? "validation" : "train";
    const { labels } = splitOf(context, split);
    const counts = countLabels(splitOf(context, split), dataset.classNames.length);
    const { logits } = await zeroShot(split);
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
    headInit,
    ...(pretrainCounts ? { pretrainCounts } : {}),
    member: (prefix, peft) => ({
      prefix,
      shape: vision,
      locate: (tensor) => checkpoint.locate(tensor),
      headInit,
      headScale: config.head.scale,
      load: load("train"),
      ...(peft ? { peft } : {}),
    }),
    load,
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
