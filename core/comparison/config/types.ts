import type { HeadType } from "../../models/heads/index.ts";
import type { CropSet } from "../../models/images/crops-transform.ts";
import type { OptimizerConfig } from "./optimizers.ts";

/** One plugin as chosen in a config: options are validated and complete (defaults filled in). */
export interface PluginChoice {
  readonly use: string;
  /** Name in tables, when the user gave one. */
  readonly label?: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Where graphs can run, as onnxruntime calls it. */
export const DEVICES = ["cpu", "webgpu", "cuda"] as const;
/** Where graphs can run; cpu everywhere. */
export type Device = (typeof DEVICES)[number];

/** What the rows of a head can start from. */
export const HEAD_INITS = ["text", "class-mean", "n-shot", "linear-probe", "none"] as const;
/** What the rows of a head start from. */
export type HeadInit = (typeof HEAD_INITS)[number];

/** The classifier on top of a backbone. */
export interface HeadConfig {
  readonly type: HeadType;
  readonly scale: number;
  readonly init: HeadInit;
  /** Training images per class; for "n-shot", and only there. */
  readonly shots?: number;
}

/** How training images are varied. */
export interface AugmentConfig {
  /** "random-resized": a random part, resized; "center": as in evaluation. */
  readonly crop: "random-resized" | "center";
  /** Smallest and largest share of the image's area in a random crop. */
  readonly scale: readonly [number, number];
  /** Smallest and largest width / height of a random crop. */
  readonly ratio: readonly [number, number];
  /** Mirror half of the images. */
  readonly flip: boolean;
}

/** How a cell is trained. */
export interface TrainConfig {
  readonly epochs: number;
  /** Images per update. */
  readonly batchSize: number;
  /** Images per pass; gradients of batchSize / microBatchSize passes are averaged. Absent: chosen by the host. */
  readonly microBatchSize?: number;
  /** Compute activations again in the backward pass instead of keeping them. */
  readonly recompute: boolean;
  readonly optimizer: OptimizerConfig;
  readonly schedule: "cosine" | "constant";
  readonly augment: AugmentConfig;
}

/** How predictions are made and measured. */
export interface EvaluationConfig {
  readonly batchSize: number;
  /** D-Many: more than `many` training images; D-Few: fewer than `few`. */
  readonly thresholds: { readonly many: number; readonly few: number };
  /** Split on which the pre-training prior is estimated; without a validation split it is the training split. */
  readonly priorFrom: "validation" | "train" | "test";
  /** Crops per test image whose logits are averaged; "none": the checkpoint's own preprocessing. */
  readonly tte: "none" | CropSet;
  /** Pixels by which the short side of an image exceeds the crops. */
  readonly expand: number;
  /** How images outside of training are prepared: as the checkpoint says, or with LIFT's resize to 8/7 and centre crop. */
  readonly preprocessing: "checkpoint" | "lift";
  readonly knn: { readonly enabled: boolean; readonly k: number; readonly temperature: number };
}

/** How images are prepared. */
export interface ImagesConfig {
  /** Threads that prepare images; absent: half the cores, 8 at most. */
  readonly workers?: number;
}

/** Which finished cells log their classifier as an MLflow model. */
export const MODEL_LOGS = ["none", "all"] as const;

/** What becomes of trained classifiers. */
export interface ModelsConfig {
  /** Absent: those whose weights have at most 64 MiB. */
  readonly log?: (typeof MODEL_LOGS)[number];
  /** Registered model that the best row's model becomes a version of. */
  readonly register?: string;
}

/** A comparison as it will be run: validated, every default filled in. */
export interface ComparisonConfig {
  readonly experiment: string;
  readonly name: string;
  readonly dataset: PluginChoice;
  readonly backbones: readonly PluginChoice[];
  /** The methods that are applied together; none: only the head is trained. */
  readonly peft: readonly PluginChoice[];
  readonly losses: readonly PluginChoice[];
  readonly seeds: readonly number[];
  readonly head: HeadConfig;
  /** Prompt templates with `{}` for the class name; the text features of several are averaged. */
  readonly prompts: readonly string[];
  readonly train: TrainConfig;
  readonly evaluation: EvaluationConfig;
  readonly images?: ImagesConfig;
  readonly models?: ModelsConfig;
  readonly device: Device;
  /** CPU threads; absent: one per core. */
  readonly threads?: number;
  /** Folder for runs, relative to the working directory. */
  readonly output: string;
  /** Third-party plugins, as named by the user. */
  readonly plugins: readonly string[];
}
