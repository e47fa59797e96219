import type { Graph, Value } from "../graph/index.ts";
import type { DeclareParam } from "./peft.ts";
import type { JsonSchema } from "./schema.ts";
import { PLUGIN_API_VERSION, type Versioned } from "./version.ts";

/** What strata are estimated from: training data only, seen by the frozen backbone, before fine-tuning. */
export interface StrataTraining {
  /** N training images. */
  readonly count: number;
  /** d, of the features. */
  readonly width: number;
  /** K */
  readonly classes: number;
  /** [N] in [0, K) */
  readonly labels: Int32Array;
  /** [N × d] features before the projection, not normalised. Computed on the first call: a pass over the images. */
  features(): Promise<Float32Array>;
  /** [N × K] zero-shot logits. Computed on the first call, as `features`. */
  zeroShot(): Promise<Float32Array>;
  readonly seed: number;
}

/** Numbers of a source of strata, saved with the run. */
export interface StrataTensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
}

/** Strata as a source has found them: logged, saved with the run, and frozen while the model is trained. */
export interface Strata {
  /** [M] P(c), summing to 1. */
  readonly masses: Float32Array;
  /** Prototypes, index sets and whatever else the source needs to build the conditionals, by name. */
  readonly tensors: Readonly<Record<string, StrataTensor>>;
}

/** P(Y | x, c): the logits of one stratum and its mass P(c). */
export interface StratumLogits {
  /** [B, K], float */
  readonly logits: Value;
  readonly mass: number;
}

/** What a source has at hand where it builds the conditionals. */
export interface ConditionalInputs {
  /** [B, d], the feature of the backbone in training. */
  readonly features: Value;
  readonly classes: number;
  readonly strata: Strata;
  /**
   * The same images through the frozen backbone: feature [B, d] and zero-shot logits [B, K], in the same graph and
   * without a gradient. The first call adds a forward pass of the tower to every step and every prediction.
   */
  frozen(): { readonly features: Value; readonly zeroShot: Value };
  /**
   * A classifier of the configured type and scale: input [B, any width] → logits [B, K]. Its weight `<name>.weight`
   * starts from the configured rows at `columns`, the entries of the feature that the input begins with (all of them
   * when absent); what the input has beyond those starts at 0.
   */
  head(input: Value, options?: { readonly name?: string; readonly columns?: readonly number[] }): Value;
  /** A tensor of `strata` as a constant. @throws RangeError when there is none of that name */
  constant(name: string): Value;
  /** Declares a trainable parameter. */
  readonly param: DeclareParam;
}

/**
 * Where the strata of a backdoor adjustment inside one backbone come from (arXiv 2009.13240): what they are, and how a
 * prediction depends on them.
 */
export interface StratumSource<O = Record<string, unknown>> extends Versioned {
  readonly kind: "strata";
  readonly name: string;
  readonly summary: string;
  readonly options: JsonSchema;
  /**
   * Equal data, options and seed give equal strata.
   * @throws DualtailError when the data do not allow them
   */
  estimate(training: StrataTraining, options: O): Promise<Strata>;
  /**
   * The conditionals P(Y | x, c), of which the loss takes Σ_c P(c) softmax(z_c + τ·log π): masses sum to 1. A source
   * that moves the sum over its strata inside the softmax gives a single one.
   */
  conditionals(g: Graph, inputs: ConditionalInputs, options: O): readonly StratumLogits[];
}

/** Declares a source of strata. */
export function defineStrata<O>(plugin: Omit<StratumSource<O>, "kind" | "apiVersion">): StratumSource<O> {
  return { ...plugin, kind: "strata", apiVersion: PLUGIN_API_VERSION };
}
