import { differentiate } from "../../autodiff/index.ts";
import { createGraph, extract, type Graph, sizeOf, type Value } from "../../graph/index.ts";
import type { LossRecipe } from "../../plugin-api/index.ts";
import { compile } from "../../runtime/index.ts";
import { fail, type Outcome, ok } from "../findings.ts";
import {
  buildLoss,
  buildPrediction,
  feedsOf,
  openLoss,
  openPrediction,
  type TrainedRecipe,
} from "./evaluate.ts";
import type { LossProblem } from "./problem.ts";

/** Classes that nothing may grow with the square of. */
export const MANY_CLASSES = 10_000;

/** The nodes that values are computed by. */
export const nodesOf = (g: Graph, outputs: readonly Value[]) => extract(g, outputs, () => false).graph.nodes;

function largestValue(g: Graph, outputs: readonly Value[]): Value | undefined {
  const values = nodesOf(g, outputs).flatMap((node) => node.outputs);
  return values.reduce<Value | undefined>(
    (most, value) => (most === undefined || sizeOf(value.shape) > sizeOf(most.shape) ? value : most),
    undefined,
  );
}

/** Looks at shapes before anything is run: a K × K value would take 400 MB. */
function tooLarge(g: Graph, outputs: readonly Value[], { classes, batch }: LossProblem): Outcome | undefined {
  const largest = largestValue(g, outputs);
  if (largest === undefined || sizeOf(largest.shape) < classes * classes) return undefined;
  const megabytes = Math.round((sizeOf(largest.shape) * 4) / 1e6);
  return fail(
    `with ${classes} classes and ${batch} samples it makes a value of shape [${largest.shape.join(", ")}] (${megabytes} MB in float32)`,
    "memory must grow with B · K, not with K²: reduce over the classes before combining them with each other",
  );
}

export async function manyClasses(recipe: TrainedRecipe, p: LossProblem): Promise<Outcome> {
  const g = createGraph();
  const { loss, logits } = buildLoss(g, recipe, p);
  const large = tooLarge(g, [loss, ...differentiate(g, loss, logits)], p);
  if (large) return large;
  const open = await openLoss(recipe, p, "float32");
  try {
    const { loss: value, gradients } = await open.at(p);
    return Number.isFinite(value) && gradients.every((values) => values.every(Number.isFinite))
      ? ok(`loss and gradient are finite with ${p.classes} classes`)
      : fail(
          `with ${p.classes} classes in float32 the loss or its gradient is not finite (loss ${value})`,
          "priors of rare classes are near 1e-6 here: look for exp, pow or division of them",
        );
  } finally {
    await open.release();
  }
}

export async function manyClassesPredicted(recipe: LossRecipe, p: LossProblem): Promise<Outcome> {
  const g = createGraph();
  const large = tooLarge(g, [buildPrediction(g, recipe, p)], p);
  if (large) return large;
  const open = await openPrediction(recipe, p, "float32");
  try {
    return (await open.at(p)).every(Number.isFinite)
      ? ok(`scores are finite with ${p.classes} classes`)
      : fail(
          `with ${p.classes} classes in float32 some scores are not finite`,
          "look for exp, pow or division of priors",
        );
  } finally {
    await open.release();
  }
}

const [COST_BATCH, COST_CLASSES, ROUNDS] = [64, 1000, 15] as const;

export interface Cost {
  /** Nodes of loss and gradient. */
  readonly nodes: number;
  readonly crossEntropyNodes: number;
  /** The fastest of interleaved runs of loss and gradient on one thread, in ms: other work only ever adds to a time. */
  readonly ms: number;
  readonly crossEntropyMs: number;
  readonly batch: number;
  readonly classes: number;
}

/** What loss and gradient cost, beside cross-entropy on as many logits. */
export async function costOf(
  recipe: TrainedRecipe,
  make: (batch: number, classes: number) => LossProblem,
): Promise<Cost> {
  const p = make(COST_BATCH, COST_CLASSES);
  const crossEntropy: TrainedRecipe = {
    mode: "joint",
    build: (h, { logits, labels }) =>
      logits.map((z) => h.crossEntropy(z, labels)).reduce((sum, one) => h.add(sum, one)),
    predict: (_, logits) => logits[0]!,
  };
  const open = async (own: TrainedRecipe) => {
    const g = createGraph();
    const { loss, logits } = buildLoss(g, own, p);
    const outputs = [loss, ...differentiate(g, loss, logits)];
    const program = await compile(g, Object.fromEntries(outputs.map((value, i) => [`o${i}`, value])), {
      threads: 1,
    });
    const feeds = feedsOf({ logits: p.logits, labels: p.labels }, "float32");
    const time = async () => {
      const start = performance.now();
      await program.run(feeds);
      return performance.now() - start;
    };
    return { nodes: nodesOf(g, outputs).length, time, release: () => program.release() };
  };
  const [own, reference] = [await open(recipe), await open(crossEntropy)];
  const times: [number[], number[]] = [[], []];
  for (let round = -2; round < ROUNDS; round++) {
    for (const i of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const ms = await [own, reference][i]!.time();
      if (round >= 0) times[i].push(ms);
    }
  }
  await own.release();
  await reference.release();
  return {
    nodes: own.nodes,
    crossEntropyNodes: reference.nodes,
    ms: Math.min(...times[0]),
    crossEntropyMs: Math.min(...times[1]),
    batch: COST_BATCH,
    classes: COST_CLASSES,
  };
}
