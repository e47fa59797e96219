import { DualtailError } from "../../errors.ts";
import { encodeModel, type FloatType, modelOf, type OnnxModel } from "../../graph/index.ts";
import {
  type ChosenLoss,
  DEFAULT_HEAD_SCALE,
  isOverOneModel,
  lossGraph,
  lossRecipe,
  normalisedMasses,
  type TrainedLoss,
  type TrainedRecipe,
  trainedLoss,
} from "../../losses/index.ts";
import { writeAtomically } from "../../models/checkpoint/write-atomically.ts";
import type { LossPlugin, LossRecipe } from "../../plugin-api/index.ts";
import { portableGraph } from "../onnx/portable.ts";
import { standardOnly } from "../onnx/standard-only.ts";
import { withSymbolicBatch } from "../onnx/symbolic-batch.ts";
import { describeLoss, type LossDescription } from "./description.ts";
import { predictionGraph } from "./prediction-graph.ts";

/** Sizes and numbers that an exported loss is made for. */
export interface LossExportOptions {
  /** K */
  readonly classes: number;
  /** M: models, or strata of a loss over the strata of one model; 1 when absent. */
  readonly models?: number;
  /** [K] training images per class, for losses whose numbers are worked out of them. */
  readonly classCounts?: readonly number[];
  /** [M], scaled to sum 1; those of the options, else uniform, when absent. */
  readonly weights?: readonly number[];
  /** Factor that a cosine head has put on the logits; 25 when absent. */
  readonly headScale?: number;
  /** A fixed batch size; any size when absent. */
  readonly batch?: number;
  /** Precision; float32 when absent. */
  readonly floatType?: FloatType;
  /** Write what the loss predicts (`scores`, `probabilities`) instead of its value and gradients. */
  readonly prediction?: boolean;
  /** dualtail's version, for the metadata. */
  readonly version?: string;
}

/** An exported loss. */
export interface LossExport {
  readonly bytes: Uint8Array;
  readonly description: LossDescription;
}

/**
 * A loss as an ONNX model of standard operators: `logits` [B, K] (`logits_0`, `logits_1`, … over several models), `labels`
 * [B] int64, and those of `class_prior` [K] and `pretrain_prior` [K] that it reads → `loss` and `grad_logits` (per model).
 * @throws ConfigError for options that do not fit; DualtailError for sizes that do not fit, for missing class counts, and
 *   for a loss that is only ever made after training (its `prediction` can be exported)
 */
export function encodeLoss<O>(
  plugin: LossPlugin<O>,
  options: Partial<O>,
  settings: LossExportOptions,
): LossExport {
  const { classes, models = 1, classCounts, prediction = false } = settings;
  if (classes < 2) throw new DualtailError(`${classes} classes: a loss needs at least 2`);
  if (classCounts && classCounts.length !== classes)
    throw new DualtailError(`${classCounts.length} class counts for ${classes} classes`);
  const chosen: ChosenLoss & Pick<TrainedLoss, "changed"> = prediction
    ? lossRecipe(plugin, options)
    : trainedLoss(plugin, options);
  const { name, recipe } = chosen;
  if (models > 1 && isOverOneModel(recipe)) {
    throw new DualtailError(`the loss ${name} is over one model`, {
      hint: "export it for one and use the file once per model",
    });
  }
  const standIn = Array<number>(classes).fill(1);
  const numbers: Numbers = {
    counts: classCounts ?? standIn,
    headScale: settings.headScale ?? DEFAULT_HEAD_SCALE,
  };
  const model = modelWith(recipe, settings, numbers);
  // Numbers leave no trace in a graph but what becomes of them: where they are read, others give another graph.
  const trial = (others: Partial<Numbers>) =>
    encodeModel(modelWith(recipe, { ...settings, batch: 2 }, { ...numbers, ...others }));
  const own = trial({});
  const reads = (others: Partial<Numbers>): boolean => Buffer.compare(own, trial(others)) !== 0;
  const readsCounts = [standIn, standIn.map((_, k) => k + 2)].some((counts) => reads({ counts }));
  if (readsCounts && classCounts === undefined) {
    throw new DualtailError(`the loss ${name} is worked out of the training images per class`, {
      hint: "give the counts: --counts with a JSON file that lists them",
    });
  }
  const description = describeLoss(plugin, chosen, model, {
    version: settings.version,
    kind: prediction ? "prediction" : "loss",
    classes,
    models,
    weights: isOverOneModel(recipe) ? undefined : normalisedMasses(recipe, models, settings.weights),
    classCounts: readsCounts ? numbers.counts : undefined,
    headScale: reads({ headScale: 2 * numbers.headScale + 1 }) ? numbers.headScale : undefined,
  });
  const metadataProps = [{ key: "dualtail", value: JSON.stringify(description) }];
  return { bytes: encodeModel({ ...model, metadataProps }), description };
}

/** Writes a loss as an ONNX file; see `encodeLoss`. @throws FileError when it cannot be written */
export async function exportLoss<O>(
  plugin: LossPlugin<O>,
  options: Partial<O>,
  file: string,
  settings: LossExportOptions,
): Promise<LossDescription> {
  const { bytes, description } = encodeLoss(plugin, options, settings);
  await writeAtomically(file, [bytes]);
  return description;
}

interface Numbers {
  readonly counts: readonly number[];
  readonly headScale: number;
}

function modelWith(recipe: LossRecipe, settings: LossExportOptions, numbers: Numbers): OnnxModel {
  const { batch, prediction = false } = settings;
  const of = (size: number): OnnxModel => {
    const { graph, outputs } =
      prediction || recipe.mode === "post-hoc"
        ? predictionGraph(recipe, { ...settings, batch: size })
        : namedLoss(recipe, settings, size, numbers);
    const portable = portableGraph(graph, outputs, { bound: new Map(), keepHalf: false });
    return modelOf(portable.graph, portable.outputs).model;
  };
  return standardOnly(batch === undefined ? withSymbolicBatch(of, { numbers: true }) : of(batch));
}

function namedLoss(
  recipe: TrainedRecipe,
  { classes, models = 1, weights, floatType = "float32" }: LossExportOptions,
  batch: number,
  { counts, headScale }: Numbers,
) {
  const { graph, loss, gradients, inputs } = lossGraph(recipe, {
    batch,
    classes,
    models,
    classCounts: counts,
    headScale,
    floatType,
    ...(weights === undefined ? {} : { masses: weights }),
  });
  const named = gradients.map((value, m) => [`grad_${inputs.logits[m]!.name}`, value] as const);
  return { graph, outputs: { loss, ...Object.fromEntries(named) } };
}
