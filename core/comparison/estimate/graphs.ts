import { createGraph, matrixProductFlops, sizeOf, type Value } from "../../graph/index.ts";
import { frozenWeights } from "../../models/frozen-weights.ts";
import { imageTower, normalize, projectImage, textTower } from "../../models/towers/index.ts";
import { buildMembers, type FinetuneOptions, type Member } from "../../training/finetune.ts";
import { findCuts } from "../../training/recompute/cut-points.ts";
import { backwardSegments } from "../../training/recompute/segments.ts";
import type { KnownBackbone } from "./backbones.ts";
import { bytesOf, type GraphMemory, graphMemory } from "./live-bytes.ts";

/** What one run of a compiled program takes. */
export interface ProgramCost {
  readonly flops: number;
  readonly memory: GraphMemory;
}

/** What one micro-batch of training takes. */
export interface StepCost extends ProgramCost {
  /** Trained numbers. */
  readonly trainable: number;
}

/** The graph of one micro-batch as training has it: forward and backward, or in segments with recomputation. */
export function stepCost(
  members: readonly Member[],
  classes: number,
  { loss: lossOf, batch, recompute }: { loss: FinetuneOptions["loss"]; batch: number; recompute: boolean },
): StepCost {
  const g = createGraph();
  const models = buildMembers(g, members, classes, batch);
  const labels = g.input("labels", "int64", [batch]);
  const loss = lossOf(
    g,
    models.map(({ logits }) => logits),
    labels,
    models,
  );
  const params = models.flatMap((model) => model.params.map(({ value }) => value));
  const cuts = recompute ? findCuts(g, loss) : [];
  const segments = backwardSegments({ graph: g, loss, params: new Set(params), cuts });
  const programs = segments.map(
    ({ graph, writes, flops }): ProgramCost => ({
      flops,
      memory: graphMemory(
        graph,
        writes.map(({ output }) => output),
      ),
    }),
  );
  const kept = [...new Set(cuts.flat())];
  // What is kept at the cuts is a result of the forward program and stays while the segments run.
  const held = kept.reduce((sum, value) => sum + bytesOf(value), 0);
  if (kept.length > 0) programs.push({ flops: matrixProductFlops(g, kept), memory: graphMemory(g, kept) });
  return {
    flops: programs.reduce((sum, { flops }) => sum + flops, 0),
    memory: {
      weights: programs.reduce((sum, { memory }) => sum + memory.weights, 0),
      live: Math.max(...programs.map(({ memory }) => memory.live)) + held,
    },
    trainable: params.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  };
}

/** One batch of a fine-tuned model in evaluation. */
export function predictionCost(member: Member, classes: number, batch: number): ProgramCost {
  const g = createGraph();
  const [model] = buildMembers(g, [member], classes, batch);
  const outputs = [model!.logits, model!.features];
  return { flops: matrixProductFlops(g, outputs), memory: graphMemory(g, outputs) };
}

/** One batch of the frozen image tower with zero-shot logits over K classes. */
export function zeroShotCost({ config, locate }: KnownBackbone, classes: number, batch: number): ProgramCost {
  const { vision, projectionDim } = config;
  const g = createGraph();
  const pixels = g.input("pixels", "float32", [batch, vision.channels, vision.imageSize, vision.imageSize]);
  const weights = frozenWeights(g, locate);
  const features = imageTower(g, vision, weights, pixels);
  const texts = g.input("texts", "float32", [classes, projectionDim]);
  const logits = g.matmul(normalize(g, projectImage(g, features, weights, projectionDim)), texts, {
    transB: true,
  });
  return costOf(g, [features, logits]);
}

/** One batch of texts of `length` tokens. */
export function textCost({ config, locate }: KnownBackbone, batch: number, length: number): ProgramCost {
  const g = createGraph();
  const inputs = { ids: g.input("ids", "int64", [batch, length]), eot: g.input("eot", "int64", [batch]) };
  return costOf(g, [textTower(g, config.text, frozenWeights(g, locate), inputs, config.projectionDim)]);
}

const costOf = (g: ReturnType<typeof createGraph>, outputs: readonly Value[]): ProgramCost => ({
  flops: matrixProductFlops(g, outputs),
  memory: graphMemory(g, outputs),
});
