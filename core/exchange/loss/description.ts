import type { OnnxModel } from "../../graph/index.ts";
import type { ChosenLoss, TrainedLoss } from "../../losses/index.ts";
import type { LossPlugin, LossRecipe } from "../../plugin-api/index.ts";
import { type TensorSpec, tensorSpecs } from "../onnx/tensor-spec.ts";
import { meaningOf } from "./meanings.ts";

/** Version of what stands in the metadata, and of the names of inputs and outputs. */
const FORMAT = "dualtail-loss-1";

/** What an exported loss is; also its metadata `dualtail`. */
export interface LossDescription {
  readonly format: typeof FORMAT;
  readonly version?: string;
  readonly kind: "loss" | "prediction";
  readonly loss: string;
  readonly summary: string;
  /** With their defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  /** How the models come together: one model, trained together, strata of one model, or combined after training. */
  readonly over: "one model" | "models" | "strata" | "models after training";
  readonly classes: number;
  readonly models: number;
  /** Masses of the models; absent for a loss over one model. */
  readonly weights?: readonly number[];
  /** Present where the loss's constants are worked out of them. */
  readonly classCounts?: readonly number[];
  /** The factor that margins are multiplied by, where there are any. */
  readonly headScale?: number;
  /** The loss is more than a mean over samples: the gradients of parts of a batch do not average to the batch's. */
  readonly wholeBatch: boolean;
  /** What was changed to have a loss that is trained. */
  readonly note?: string;
  readonly inputs: readonly (TensorSpec & { readonly meaning: string })[];
  readonly outputs: readonly (TensorSpec & { readonly meaning: string })[];
}

/** What is known of an export where it is made. */
type Known = Partial<
  Pick<LossDescription, "version" | "kind" | "classes" | "models" | "weights" | "classCounts" | "headScale">
> &
  Pick<LossDescription, "kind" | "classes" | "models">;

/** Describes an exported loss; what is undefined is left out. */
export function describeLoss<O>(
  { summary }: LossPlugin<O>,
  { name, options, recipe, changed }: ChosenLoss & Pick<TrainedLoss, "changed">,
  { graph }: OnnxModel,
  { kind, version, ...known }: { [K in keyof Known]: Known[K] | undefined } & Known,
): LossDescription {
  const specs = (values: typeof graph.input) =>
    tensorSpecs(values).map((spec) => ({ ...spec, meaning: meaningOf(spec.name) }));
  const described: LossDescription = {
    format: FORMAT,
    version,
    kind,
    loss: name,
    summary,
    options,
    over: overWhat(recipe),
    ...known,
    wholeBatch: recipe.mode === "single" && recipe.wholeBatch === true,
    note:
      changed &&
      `${changed.option} is ${show(changed.to)}: with ${show(changed.from)} the loss is made after training and has no gradient`,
    inputs: specs(graph.input),
    outputs: specs(graph.output),
  };
  return JSON.parse(JSON.stringify(described)) as LossDescription;
}

const show = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

function overWhat(recipe: LossRecipe): LossDescription["over"] {
  if (recipe.mode === "joint") return "models";
  if (recipe.mode === "post-hoc") return "models after training";
  return recipe.strata ? "strata" : "one model";
}
