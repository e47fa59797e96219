import { createGraph } from "../graph/index.ts";
import { type CompileOptions, compile } from "../runtime/index.ts";
import type { ClipCheckpoint } from "./checkpoint/folder.ts";
import type { TextFeatures } from "./embed-texts.ts";
import { frozenWeights } from "./frozen-weights.ts";
import { imageTower, normalize, projectImage } from "./towers/index.ts";

export interface EmbedOptions extends CompileOptions {
  readonly batchSize: number;
  readonly onBatch?: (images: number) => void;
}

/** Fills `out` with the pixels of the samples, [indices × C × H × W]. */
export type FillPixels = (indices: ArrayLike<number>, out: Float32Array) => Promise<void>;

/**
 * The frozen image tower over `count` images: features before the projection [N, width] and zero-shot logits
 * exp(logit_scale) · cos(image, text) [N, K].
 */
export async function embedImages(
  checkpoint: ClipCheckpoint,
  texts: TextFeatures,
  fill: FillPixels,
  count: number,
  { batchSize, onBatch, ...options }: EmbedOptions,
): Promise<{ logits: Float32Array; features: Float32Array }> {
  const { vision, projectionDim } = checkpoint.config;
  const batch = Math.min(batchSize, count);
  const g = createGraph();
  const pixels = g.input("pixels", "float32", [batch, vision.channels, vision.imageSize, vision.imageSize]);
  const weights = frozenWeights(g, checkpoint.locate);
  const features = imageTower(g, vision, weights, pixels);
  const image = normalize(g, projectImage(g, features, weights, projectionDim));
  const text = g.constant(texts.features, [texts.classes, texts.width]);
  const logits = g.matmul(image, text, { transB: true, alpha: Math.exp(checkpoint.logitScale) });
  const program = await compile(g, { logits, features }, options);
  const out = {
    logits: new Float32Array(count * texts.classes),
    features: new Float32Array(count * vision.width),
  };
  const perImage = vision.channels * vision.imageSize ** 2;
  const buffer = new Float32Array(batch * perImage);
  try {
    for (let start = 0; start < count; start += batch) {
      const size = Math.min(batch, count - start);
      await fill(
        Int32Array.from({ length: size }, (_, i) => start + i),
        buffer.subarray(0, size * perImage),
      );
      const results = await program.run({ pixels: buffer });
      out.logits.set(
        (results.logits as Float32Array).subarray(0, size * texts.classes),
        start * texts.classes,
      );
      out.features.set(
        (results.features as Float32Array).subarray(0, size * vision.width),
        start * vision.width,
      );
      onBatch?.(size);
    }
  } finally {
    await program.release();
  }
  return out;
}
