import { DualtailError } from "../errors.ts";
import type { Graph, Value } from "../graph/index.ts";
import type { JsonSchema } from "./schema.ts";

/** What a loss over one model sees. B = batch, K = classes. */
export interface LossInputs {
  /** [B, K], float */
  readonly logits: Value;
  /** [B], int64 */
  readonly labels: Value;
  /** [K], float: π_S(y) = n_y / N, strictly positive. */
  readonly classPrior: Value;
  /** [K] n_y, each at least 1: plain numbers, for constants that are worked out in double before the graph is built. */
  readonly classCounts: readonly number[];
  /** `head.scale` of the configuration: the factor s that a cosine head has already put on the logits. */
  readonly headScale: number;
  /** [K], float: estimated pre-training prior P̂_P(y) of this backbone, strictly positive. Present when `needs` names it. */
  readonly pretrainPrior?: Value;
}

/** What a loss over several strata (foundation models) sees; one entry per stratum. */
export interface StrataLossInputs {
  /** M × [B, K], float */
  readonly logits: readonly Value[];
  readonly labels: Value;
  readonly classPrior: Value;
  /** [M] stratum masses P(c), summing to 1. */
  readonly strataPrior: readonly number[];
}

/** Combines the strata's test logits (M × [B, K]) into class scores [B, K] whose softmax is the prediction. */
export type StrataPredict = (g: Graph, logits: readonly Value[], strataPrior: readonly number[]) => Value;

/** One backbone, one training run per backbone. */
export interface SingleRecipe {
  readonly mode: "single";
  readonly needs: readonly "pretrainPrior"[];
  /**
   * The loss is more than the mean over the samples (weights normalised within the batch, statistics of the batch), so
   * a batch is not split into micro-batches unless the user asks for it.
   */
  readonly wholeBatch?: boolean;
  /** Scalar loss, averaged over the batch. */
  build(g: Graph, inputs: LossInputs): Value;
}

/** All backbones trained together in one step. */
export interface JointRecipe {
  readonly mode: "joint";
  build(g: Graph, inputs: StrataLossInputs): Value;
  readonly predict: StrataPredict;
  /** Raw masses per stratum as the user gave them; uniform when absent. */
  readonly strataWeights?: readonly number[];
}

/** No training of its own: combines runs of another loss, one per backbone. */
export interface PostHocRecipe {
  readonly mode: "post-hoc";
  /** The loss whose runs are combined, by plugin name and options. */
  readonly base: { readonly use: string; readonly [option: string]: unknown };
  readonly predict: StrataPredict;
  readonly strataWeights?: readonly number[];
}

export type LossRecipe = SingleRecipe | JointRecipe | PostHocRecipe;

export interface LossPlugin<O = Record<string, unknown>> {
  readonly kind: "loss";
  readonly name: string;
  readonly summary: string;
  readonly options: JsonSchema;
  recipe(options: O): LossRecipe;
}

/** Declares a loss over one model by its forward expression alone; the gradient is derived from it. */
export function defineLoss<O>(plugin: {
  readonly name: string;
  readonly summary: string;
  readonly options: JsonSchema;
  readonly needs?: readonly "pretrainPrior"[];
  /** See SingleRecipe. */
  readonly wholeBatch?: boolean;
  build(g: Graph, inputs: LossInputs, options: O): Value;
}): LossPlugin<O> {
  const { name, summary, options, needs = [], wholeBatch = false, build } = plugin;
  return {
    kind: "loss",
    name,
    summary,
    options,
    recipe: (chosen) => ({
      mode: "single",
      needs,
      wholeBatch,
      build: (g, inputs) => {
        refuseEmptyClasses(inputs.classCounts);
        return build(g, inputs, chosen);
      },
    }),
  };
}

/** Priors and weights divide by n_y or take its logarithm, so a class without images is refused, not smoothed. */
function refuseEmptyClasses(counts: readonly number[]): void {
  const empty = [...counts.keys()].filter((k) => !(counts[k]! > 0));
  if (empty.length === 0) return;
  const named = empty.slice(0, 5).join(", ") + (empty.length > 5 ? ", …" : "");
  throw new DualtailError(
    `${empty.length} of ${counts.length} classes have no training image (labels ${named})`,
    { hint: "add at least one image per class, or leave the class out" },
  );
}

/** Declares a loss over several foundation models, trained jointly or combined after training. */
export function defineStrataLoss<O>(plugin: Omit<LossPlugin<O>, "kind">): LossPlugin<O> {
  return { kind: "loss", ...plugin };
}
