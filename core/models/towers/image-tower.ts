import type { Graph, Value } from "../../graph/index.ts";
import type { Prompt } from "../../plugin-api/peft.ts";
import { type Adapt, type TransformerShape, transformerBlock, unchanged } from "./block.ts";
import type { Weights } from "./weights.ts";

/** Tokens that a PEFT method adds at a block's input. */
export type PromptAt = (block: number) => Prompt | undefined;

const none: PromptAt = () => undefined;

/** Sizes of the image tower; those of patches and images in pixels. */
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
  promptAt: PromptAt = none,
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
    const prompt = promptAt(index);
    const read =
      index === shape.layers - 1 ? 1 : prompt === undefined || prompt.stays ? undefined : x.shape[1]!;
    x = transformerBlock(g, prompt === undefined ? x : append(g, x, prompt.tokens), {
      shape,
      weights,
      prefix: `vision_model.encoder.layers.${index}`,
      index,
      adapt,
      ...(read === undefined ? {} : { pick: (all: Value) => g.slice(all, 1, 0, read) }),
    });
  }
  return norm(g.reshape(x, [batch, width]), "post_layernorm");
}

/** x [B, T, width] and tokens [n, width] → [B, T + n, width]. */
function append(g: Graph, x: Value, tokens: Value): Value {
  const [count, width] = tokens.shape as [number, number];
  return g.concat([x, g.expand(g.reshape(tokens, [1, count, width]), [x.shape[0]!, count, width])], 1);
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
