import { createGraph, type Graph, type Value } from "../graph/index.ts";
import { type CompileOptions, compile } from "../runtime/index.ts";
import type { ClipCheckpoint } from "./checkpoint/folder.ts";
import type { TextFeatures } from "./embed-texts.ts";
import { computesHalf, frozenWeights } from "./frozen-weights.ts";
import { type FillPixels, runInBatches } from "./run-in-batches.ts";
import { imageTower, normalize, projectImage, type Weights } from "./towers/index.ts";

export type { FillPixels } from "./run-in-batches.ts";

export interface EmbedOptions extends CompileOptions {
  readonly batchSize: number;
  /** See BatchedImages; default 1. */
  readonly views?: number;
  readonly onBatch?: (images: number) => void;
}

export interface EmbeddedImages {
  /** [N, K]: exp(logit_scale) · cos(image, text) */
  readonly logits: Float32Array;
  /** [N, width]: before the projection. */
  readonly features: Float32Array;
}

/**
 * The frozen image tower over `count` images: features and, against the texts, zero-shot logits; both averaged over an
 * image's views.
 */
export async function embedImages(
  checkpoint: ClipCheckpoint,
  texts: TextFeatures,
  fill: FillPixels,
  count: number,
  options: EmbedOptions,
): Promise<EmbeddedImages> {
  const { projectionDim, vision } = checkpoint.config;
  const build = (g: Graph, features: Value, weights: Weights) => {
    const image = normalize(g, projectImage(g, features, weights, projectionDim));
    const text = g.constant(texts.features, [texts.classes, texts.width]);
    const alpha = Math.exp(checkpoint.logitScale);
    return { features, logits: g.matmul(image, text, { transB: true, alpha }) };
  };
  return runTower(checkpoint, fill, count, options, { features: vision.width, logits: texts.classes }, build);
}

/** As `embedImages`, without any logits: [N, width]. */
export async function imageFeatures(
  checkpoint: ClipCheckpoint,
  fill: FillPixels,
  count: number,
  options: EmbedOptions,
): Promise<Float32Array> {
  const widths = { features: checkpoint.config.vision.width };
  const build = (_g: Graph, features: Value) => ({ features });
  return (await runTower(checkpoint, fill, count, options, widths, build)).features;
}

async function runTower<Name extends string>(
  checkpoint: ClipCheckpoint,
  fill: FillPixels,
  count: number,
  { batchSize, views = 1, onBatch, ...options }: EmbedOptions,
  widths: Readonly<Record<Name, number>>,
  build: (g: Graph, features: Value, weights: Weights) => Readonly<Record<Name, Value>>,
): Promise<Record<Name, Float32Array>> {
  const { channels, imageSize } = checkpoint.config.vision;
  const batch = Math.min(batchSize, count * views);
  const g = createGraph();
  const pixels = g.input("pixels", "float32", [batch, channels, imageSize, imageSize]);
  const weights = frozenWeights(g, checkpoint.locate, "", { keepHalf: computesHalf(options.device) });
  const features = imageTower(g, checkpoint.config.vision, weights, pixels);
  const program = await compile(g, build(g, features, weights), options);
  try {
    const images = { fill, count, views, perView: channels * imageSize ** 2, onBatch };
    return await runInBatches(images, batch, widths, (buffer) => program.run({ pixels: buffer }));
  } finally {
    await program.release();
  }
}
