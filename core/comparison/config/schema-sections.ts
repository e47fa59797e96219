import { HEADS } from "../../models/heads/index.ts";
import { CROPS } from "../../models/images/crops-transform.ts";
import type { Schema } from "./schema.ts";
import { HEAD_INITS, MODEL_LOGS } from "./types.ts";

const count = (value: number, title: string, description: string): Schema => ({
  type: "integer",
  minimum: 1,
  default: value,
  title,
  description,
});

const range = (
  value: readonly [number, number],
  title: string,
  description: string,
  most?: number,
): Schema => ({
  type: "array",
  minItems: 2,
  maxItems: 2,
  items: { type: "number", exclusiveMinimum: 0, ...(most === undefined ? {} : { maximum: most }) },
  default: value,
  title,
  description,
});

export const headSchema: Schema = {
  type: "object",
  additionalProperties: false,
  default: {},
  title: "Head",
  description: "The classifier on top of the image tower.",
  properties: {
    type: {
      enum: Object.keys(HEADS),
      default: "cosine",
      title: "Type",
      description: `${Object.entries(HEADS)
        .map(([name, { summary }]) => `\`${name}\`: ${summary}`)
        .join("; ")}. \`feature\` is the class token after the final LayerNorm.`,
    },
    scale: {
      type: "number",
      exclusiveMinimum: 0,
      default: 25,
      title: "Scale",
      description:
        "Factor on the cosine, the inverse of the softmax temperature; other heads ignore it. Margins of the loss `ldam` are multiplied by it with every head.",
    },
    init: {
      enum: HEAD_INITS,
      default: "text",
      title: "Initial weights",
      description:
        "`text`: the text features of the class names, taken back through the visual projection; `class-mean`: each class's mean over the frozen features of its training images; `n-shot`: the mean over `shots` of them, drawn by the seed; `linear-probe`: class-balanced logistic regression on the frozen features; `none`: random. All but the last give rows of length 1.",
    },
    shots: {
      type: "integer",
      minimum: 1,
      title: "Shots",
      description:
        "Training images per class (or all, where there are fewer) for `init: n-shot`, and only for it.",
    },
  },
};

export const trainSchema = (optimizer: Schema): Schema => ({
  type: "object",
  additionalProperties: false,
  default: {},
  title: "Training",
  description: "How every cell is trained; the same for all, so that only the loss differs.",
  properties: {
    epochs: count(10, "Epochs", "Passes over the training images."),
    batchSize: count(128, "Batch size", "Images per update."),
    microBatchSize: {
      type: "integer",
      minimum: 1,
      title: "Micro-batch size",
      description:
        "Images per forward and backward pass; must divide the batch size. Smaller needs less memory: gradients are accumulated until the batch is complete. When absent: what suits the processor's cache, or the whole batch for a loss that needs it.",
    },
    recompute: {
      type: "boolean",
      default: false,
      title: "Recompute",
      description:
        "Keep activations at the residual stream only and compute the others again in the backward pass: about 0.7 of a step's memory for 1.3 to 1.6 times the time. Does not change the result beyond rounding.",
    },
    optimizer: {
      ...optimizer,
      default: "sgd",
      title: "Optimizer",
      description: "The update rule: its name, or its name under `use` with options.",
    },
    schedule: {
      enum: ["cosine", "constant"],
      default: "cosine",
      title: "Schedule",
      description: "How the learning rate falls: `cosine` to zero over the epochs, or not at all.",
    },
    augment: {
      type: "object",
      additionalProperties: false,
      default: {},
      title: "Augmentation",
      description: "What is done at random to a training image.",
      properties: {
        crop: {
          enum: ["random-resized", "center"],
          default: "random-resized",
          title: "Crop",
          description:
            "`random-resized`: a random part, resized to the model's input; `center`: as in evaluation.",
        },
        scale: range(
          [0.08, 1],
          "Crop scale",
          "Smallest and largest share of the image's area in a random crop.",
          1,
        ),
        ratio: range([3 / 4, 4 / 3], "Crop ratio", "Smallest and largest width / height of a random crop."),
        flip: {
          type: "boolean",
          default: true,
          title: "Flip",
          description: "Mirror half of the images left to right.",
        },
      },
    },
  },
});

export const evaluationSchema: Schema = {
  type: "object",
  additionalProperties: false,
  default: {},
  title: "Evaluation",
  description: "How trained cells are measured.",
  properties: {
    batchSize: count(64, "Batch size", "Images per forward pass."),
    thresholds: {
      type: "object",
      additionalProperties: false,
      default: {},
      title: "Thresholds",
      description: "Training images per class that bound the groups D-Many, D-Medium and D-Few.",
      properties: {
        many: count(100, "Many", "A class with more images than this is D-Many."),
        few: count(20, "Few", "A class with fewer images than this is D-Few."),
      },
    },
    priorFrom: {
      enum: ["validation", "train", "test"],
      default: "validation",
      title: "Prior from",
      description:
        "Split on which the label prior of the pre-training data is estimated. A dataset without validation split uses `train`. `test` looks at the answers: for analysis, not for results.",
    },
    tte: {
      enum: ["none", ...Object.keys(CROPS)],
      default: "none",
      title: "Test-time ensemble",
      description:
        "Mean logits over crops of each test image: `five` (corners and centre) or `ten` (also mirrored), cut from the image scaled, bilinearly, to the model's input plus `expand`. Testing takes as many times longer; validation is not affected.",
    },
    expand: {
      type: "integer",
      minimum: 0,
      maximum: 4096,
      default: 24,
      title: "Expand",
      description: "Pixels by which the short side of an image exceeds the crops of `tte`.",
    },
    preprocessing: {
      enum: ["checkpoint", "lift"],
      default: "checkpoint",
      title: "Preprocessing",
      description:
        "How images outside of training are prepared: as the checkpoint's preprocessor_config.json says, or as LIFT does (short side bilinearly to 8/7 of the model's input, centre crop). Five and ten crops are LIFT's in either case.",
    },
    knn: {
      type: "object",
      additionalProperties: false,
      default: {},
      title: "Nearest neighbours",
      description: "Feature quality as the accuracy of a cosine nearest-neighbour classifier.",
      properties: {
        enabled: { type: "boolean", default: true, title: "Enabled", description: "Whether to measure it." },
        k: count(200, "Neighbours", "Neighbours that vote; fewer when the bank is smaller."),
        temperature: {
          type: "number",
          exclusiveMinimum: 0,
          default: 0.1,
          title: "Temperature",
          description: "A neighbour's vote weighs exp(similarity / temperature).",
        },
      },
    },
  },
};

export const imagesSchema: Schema = {
  type: "object",
  additionalProperties: false,
  title: "Images",
  description: "How images are prepared. Does not change results.",
  properties: {
    workers: {
      type: "integer",
      minimum: 1,
      maximum: 1024,
      title: "Workers",
      description:
        "Threads that read, resample and normalise images. When absent: half the cores, 8 at most. Decoding itself runs in libuv's thread pool, which all of them share and whose size the environment variable UV_THREADPOOL_SIZE sets (4 when it is not set); a worker has up to two images under way.",
    },
  },
};

export const modelsSchema: Schema = {
  type: "object",
  additionalProperties: false,
  title: "Models",
  description: "Finished cells as MLflow models. Does not change results.",
  properties: {
    log: {
      enum: MODEL_LOGS,
      title: "Log",
      description:
        "Whether every finished cell that one ONNX file can hold logs its whole classifier, backbone included, as an MLflow model, which mlflow.pyfunc.load_model takes as `runs:/<run id>/model`. When absent: `all` for models of at most 64 MiB of weights, `none` for larger ones, which would repeat the backbone in every run; `dualtail export mlflow` and `dualtail register` make them from the run folder at any time.",
    },
    register: {
      type: "string",
      // What MLflow lets a registered model be called.
      pattern: "^[^/:]+$",
      maxLength: 250,
      title: "Register",
      description:
        "Name of a registered model on MLflow: at the end the model of the row with the highest test accuracy becomes a version of it. The alias `best` moves to that version only when it is measurably more accurate than the version that has it. When absent, nothing is registered. `--register` says it on the command line.",
    },
  },
};
