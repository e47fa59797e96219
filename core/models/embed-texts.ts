import { createGraph } from "../graph/index.ts";
import { type CompileOptions, compile } from "../runtime/index.ts";
import type { ClipCheckpoint } from "./checkpoint/folder.ts";
import { computesHalf, frozenWeights } from "./frozen-weights.ts";
import type { Tokenizer } from "./tokenizer/index.ts";
import { normalize, textTower } from "./towers/index.ts";

/** Text features of K classes, normalised: [K × projectionDim]. Several prompts of a class are averaged and normalised again. */
export interface TextFeatures {
  readonly features: Float32Array;
  readonly classes: number;
  readonly width: number;
}

export interface PromptSet {
  readonly classNames: readonly string[];
  /** With `{}` for the class name. */
  readonly prompts: readonly string[];
}

const BATCH = 64;

/** "a photo of a {}." and "arrow_left" → "a photo of a arrow left." */
export const fillPrompt = (prompt: string, className: string): string =>
  prompt.replaceAll("{}", className.replaceAll("_", " "));

/**
 * Runs the text tower over every prompt of every class. Each prompt's feature is normalised, a class's are averaged,
 * and the mean is normalised again, as CLIP and LIFT have it.
 */
export async function embedTexts(
  checkpoint: ClipCheckpoint,
  tokenizer: Tokenizer,
  { classNames, prompts }: PromptSet,
  { onBatch, ...options }: CompileOptions & { /** After each batch. */ readonly onBatch?: () => void } = {},
): Promise<TextFeatures> {
  const texts = classNames.flatMap((name) => prompts.map((prompt) => fillPrompt(prompt, name)));
  const { ids, eot } = tokenizer.encode(texts);
  const { text, projectionDim: width } = checkpoint.config;
  const batch = Math.min(BATCH, texts.length);
  // Causal attention: what comes after the end-of-text token changes nothing, so the longest text sets the length.
  // Not Math.max(...eot): a call takes only so many arguments.
  const length = Math.min(text.contextLength, eot.reduce((most, at) => Math.max(most, at), 0) + 1);
  const g = createGraph();
  const inputs = { ids: g.input("ids", "int64", [batch, length]), eot: g.input("eot", "int64", [batch]) };
  const weights = frozenWeights(g, checkpoint.locate, "", { keepHalf: computesHalf(options.device) });
  const embedded = normalize(g, textTower(g, text, weights, inputs, width));
  const program = await compile(g, { embedded }, options);
  const features = new Float32Array(classNames.length * width);
  try {
    for (let start = 0; start < texts.length; start += batch) {
      const size = Math.min(batch, texts.length - start);
      const feed = { ids: new BigInt64Array(batch * length), eot: new BigInt64Array(batch) };
      for (let n = 0; n < size; n++) {
        for (let t = 0; t < length; t++)
          feed.ids[n * length + t] = ids[(start + n) * text.contextLength + t]!;
        feed.eot[n] = BigInt(eot[start + n]!);
      }
      const out = (await program.run(feed)).embedded as Float32Array;
      for (let n = 0; n < size; n++) {
        const row = Math.floor((start + n) / prompts.length) * width;
        for (let i = 0; i < width; i++) features[row + i]! += out[n * width + i]!;
      }
      onBatch?.();
    }
  } finally {
    await program.release();
  }
  if (prompts.length > 1) toUnitRows(features, width);
  return { features, classes: classNames.length, width };
}

function toUnitRows(features: Float32Array, width: number): void {
  for (let start = 0; start < features.length; start += width) {
    const row = features.subarray(start, start + width);
    const norm = Math.hypot(...row);
    for (let i = 0; i < width; i++) row[i]! /= norm;
  }
}

/**
 * LIFT's head initialisation: text features times the transpose of the visual projection, normalised again:
 * [K × projectionDim] · [projectionDim × width] → [K × width].
 */
export async function headFromText(
  checkpoint: ClipCheckpoint,
  texts: TextFeatures,
  options: CompileOptions = {},
): Promise<Float32Array> {
  const { projectionDim, vision } = checkpoint.config;
  const g = createGraph();
  const features = g.input("features", "float32", [texts.classes, projectionDim]);
  const projection = frozenWeights(g, checkpoint.locate)("visual_projection.weight", [
    projectionDim,
    vision.width,
  ]);
  const program = await compile(g, { head: normalize(g, g.matmul(features, projection)) }, options);
  try {
    return (await program.run({ features: texts.features })).head as Float32Array;
  } finally {
    await program.release();
  }
}
