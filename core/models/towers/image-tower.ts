import type { Graph, Value } from "../../graph/index.ts";
import { type Adapt, type TransformerShape, transformerBlock, unchanged } from "./block.ts";
import type { Weights } from "./weights.ts";

export interface ImageTowerShape extends TransformerShape {
  readonly patchSize: number;
  readonly imageSize: number;
  readonly channels: number;
}

/** Tokens of the image tower: one class token and one per patch. */
export const imageTokens = ({ imageSize, patchSize }: ImageTowerShape): number =>
  1 + (imageSize / patchSize) ** 2;

/**
 * CLIP's image tower: pixels [B, channels, size, size] → the class token after the final LayerNorm and before the
 * projection, [B, width]. That is the feature a classifier head is put on.
 */
export function imageTower(
  g: Graph,
  shape: ImageTowerShape,
  weights: Weights,
  pixels: Value,
  adapt: Adapt = unchanged,
): Value {
  const { width, layerNormEps } = shape;
  const batch = pixels.shape[0]!;
  const norm = (x: Value, name: string) =>
    g.layerNorm(
      x,
      weights(`vision_model.${name}.weight`, [width]),
      weights(`vision_model.${name}.bias`, [width]),
      layerNormEps,
    );

  const patches = embedPatches(g, shape, weights, pixels);
  const classToken = weights("vision_model.embeddings.class_embedding", [width], [1, 1, width]);
  const positions = weights("vision_model.embeddings.position_embedding.weight", [imageTokens(shape), width]);
  const tokens = g.concat([g.expand(classToken, [batch, 1, width]), patches], 1);
  let x = norm(g.add(tokens, positions), "pre_layrnorm");
  for (let index = 0; index < shape.layers; index++) {
    const last = index === shape.layers - 1;
    x = transformerBlock(g, x, {
      shape,
      weights,
      prefix: `vision_model.encoder.layers.${index}`,
      index,
      adapt,
      ...(last ? { pick: (all: Value) => g.slice(all, 1, 0, 1) } : {}),
    });
  }
  return norm(g.reshape(x, [batch, width]), "post_layernorm");
}

/** The patch convolution as one matrix product: [B, C, H, W] → [B, patches, width]. */
function embedPatches(g: Graph, shape: ImageTowerShape, weights: Weights, pixels: Value): Value {
  const { width, patchSize: p, imageSize, channels } = shape;
  const [batch, side] = [pixels.shape[0]!, imageSize / p];
  const cut = g.transpose(g.reshape(pixels, [batch, channels, side, p, side, p]), [0, 2, 4, 1, 3, 5]);
  const flat = g.reshape(cut, [batch, side * side, channels * p * p]);
  const kernel = weights(
    "vision_model.embeddings.patch_embedding.weight",
    [width, channels, p, p],
    [width, channels * p * p],
  );
  return g.linear(flat, kernel);
}

/** pooled [B, width] → image embedding [B, projectionDim], not normalised. */
export const projectImage = (g: Graph, pooled: Value, weights: Weights, projectionDim: number): Value =>
  g.linear(pooled, weights("visual_projection.weight", [projectionDim, pooled.shape[1]!]));
