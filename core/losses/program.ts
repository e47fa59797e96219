import type { TensorData } from "../graph/index.ts";
import { compile } from "../runtime/index.ts";
import type { Floats, LossResult } from "./evaluate.ts";
import { type LossShape, lossGraph } from "./loss-graph.ts";
import type { TrainedRecipe } from "./recipe.ts";

/** A batch in the program's precision; M models, B samples, K classes. */
export interface LossFeeds<A extends Floats> {
  /** M × [B, K] */
  readonly logits: readonly A[];
  /** [B] */
  readonly labels: BigInt64Array;
  /** [K] */
  readonly classPrior: A;
  /** [K], ignored where the loss does not need it. */
  readonly pretrainPrior?: A;
}

/** A loss and its gradients, compiled as they were written. */
export interface LossProgram<A extends Floats> {
  readonly needsPretrainPrior: boolean;
  /** Nothing is checked beyond what onnxruntime refuses. @throws RunError */
  run(feeds: LossFeeds<A>): Promise<LossResult<A>>;
  release(): Promise<void>;
}

/**
 * Compiles a recipe for one shape, without a look at its numbers: `compileLoss` checks them, and `dualtail check` wants to
 * see what a loss makes of numbers that would be refused.
 */
export async function lossProgram<A extends Floats>(
  recipe: TrainedRecipe,
  shape: LossShape,
): Promise<LossProgram<A>> {
  const { graph, inputs, loss, gradients } = lossGraph(recipe, shape);
  const names = gradients.map((_, m) => `gradient_${m}`);
  const outputs = { loss, ...Object.fromEntries(gradients.map((value, m) => [names[m]!, value])) };
  const program = await compile(graph, outputs, { optimize: "none", threads: 1 });
  return {
    needsPretrainPrior: inputs.pretrainPrior !== undefined,
    async run({ logits, labels, classPrior, pretrainPrior }) {
      const feeds: Record<string, TensorData> = { labels, class_prior: classPrior };
      for (const [m, z] of logits.entries()) feeds[inputs.logits[m]!.name] = z;
      if (pretrainPrior !== undefined) feeds.pretrain_prior = pretrainPrior;
      const out = await program.run(feeds);
      return { loss: (out.loss as Floats)[0]!, gradients: names.map((name) => out[name] as A) };
    },
    release: () => program.release(),
  };
}
