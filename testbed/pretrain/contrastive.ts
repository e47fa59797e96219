import type { Graph, Value } from "../../core/graph/index.ts";
import {
  imageTower,
  normalize,
  projectImage,
  type TextTowerShape,
  textTower,
  type Weights,
} from "../../core/models/towers/index.ts";
import { testbedShape } from "./shape.ts";

export interface ContrastiveInputs {
  /** [B, channels, size, size] */
  readonly pixels: Value;
  /** [B, T] int64 */
  readonly ids: Value;
  /** [B] int64 */
  readonly eot: Value;
  /** [B] int64: images and captions of one concept are positives of each other */
  readonly concepts: Value;
}

/**
 * CLIP's symmetric contrastive loss over a batch. Captions repeat in a batch of concepts, so the target of a row is
 * uniform over all pairs of its concept (as in UniCL, Yang et al., 2022) instead of the diagonal alone.
 */
export function contrastiveLoss(
  g: Graph,
  text: TextTowerShape,
  weights: Weights,
  inputs: ContrastiveInputs,
): Value {
  const { vision, projectionDim } = testbedShape;
  const batch = inputs.pixels.shape[0]!;
  const pooled = imageTower(g, vision, weights, inputs.pixels);
  const image = normalize(g, projectImage(g, pooled, weights, projectionDim));
  const caption = normalize(g, textTower(g, text, weights, inputs, projectionDim));
  const scale = g.exp(weights("logit_scale", []));
  const logits = g.mul(g.matmul(image, caption, { transB: true }), scale);
  const same = g.cast(
    g.equal(g.reshape(inputs.concepts, [batch, 1]), g.reshape(inputs.concepts, [1, batch])),
    "float32",
  );
  const target = g.div(same, g.reduceSum(same, 1));
  // `same` is symmetric, so the target of the columns is the transpose of that of the rows.
  const rows = g.reduceSum(g.mul(target, g.logSoftmax(logits, 1)));
  const columns = g.reduceSum(g.mul(g.transpose(target, [1, 0]), g.logSoftmax(logits, 0)));
  return g.mul(g.add(rows, columns), -0.5 / batch);
}
