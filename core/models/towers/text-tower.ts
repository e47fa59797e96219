import type { Graph, Value } from "../../graph/index.ts";
import { type Adapt, type TransformerShape, transformerBlock, unchanged } from "./block.ts";
import type { Weights } from "./weights.ts";

export interface TextTowerShape extends TransformerShape {
  readonly vocabSize: number;
  readonly contextLength: number;
}

/** Large enough that exp() of it is exactly 0, and finite so that no gradient becomes NaN. */
const MASKED = -1e9;

/**
 * CLIP's text tower with the projection: ids [N, T] (T ≤ context length) and the position of each end-of-text token
 * eot [N], both int64 → text embedding [N, projectionDim], not normalised.
 */
export function textTower(
  g: Graph,
  shape: TextTowerShape,
  weights: Weights,
  { ids, eot }: { ids: Value; eot: Value },
  projectionDim: number,
  adapt: Adapt = unchanged,
): Value {
  const { width, layerNormEps, layers } = shape;
  const [count, length] = ids.shape as [number, number];
  const embedding = weights("text_model.embeddings.token_embedding.weight", [shape.vocabSize, width]);
  const positions = weights("text_model.embeddings.position_embedding.weight", [shape.contextLength, width]);
  const used = length === shape.contextLength ? positions : g.slice(positions, 0, 0, length);
  let x = g.add(g.gather(embedding, ids), used);

  const causal = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? MASKED : 0,
  );
  const mask = g.cast(g.constant(causal, [length, length], "float32"), x.dtype);
  // Row n of the flattened tokens starts at n · T.
  const starts = g.constant(
    Array.from({ length: count }, (_, n) => n * length),
    [count],
    "int64",
  );
  const rows = g.add(starts, eot);
  const pick = (all: Value) =>
    g.reshape(g.gather(g.reshape(all, [count * length, width]), rows), [count, 1, width]);
  for (let index = 0; index < layers; index++) {
    const last = index === layers - 1;
    x = transformerBlock(g, x, {
      shape,
      weights,
      prefix: `text_model.encoder.layers.${index}`,
      index,
      adapt,
      mask: last ? g.reshape(g.gather(mask, eot), [count, 1, 1, length]) : mask,
      ...(last ? { pick } : {}),
    });
  }
  const norm = ["weight", "bias"].map((part) => weights(`text_model.final_layer_norm.${part}`, [width]));
  const pooled = g.layerNorm(g.reshape(x, [count, width]), norm[0]!, norm[1]!, layerNormEps);
  return g.linear(pooled, weights("text_projection.weight", [projectionDim, width]));
}

/** x / ‖x‖₂ over the last axis. */
export const normalize = (g: Graph, x: Value, epsilon = 1e-12): Value =>
  g.div(x, g.sqrt(g.add(g.reduceSum(g.mul(x, x), -1), epsilon)));
