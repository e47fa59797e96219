import type { Optimizer } from "../../training/optimizers/index.ts";
import type { Plan } from "../plan/index.ts";
import { type ProgramCost, predictionCost } from "./graphs.ts";
import { mlflowModels } from "./mlflow-models.ts";
import type { Known, TrainingCost } from "./training.ts";
import type { DiskEstimate, MemoryEstimate, Part } from "./types.ts";
import { workOf } from "./work.ts";

/** Peak of a Node process with the runtime, its threads and what it allocates besides: fitted to docs/benchmarks.md. */
export const PROCESS_BYTES = 327 * 2 ** 20;

/**
 * A session keeps two blocks for what it computes: those that its first run asked for one by one, and the one that it
 * plans from them for the runs that follow. Programs of a recomputed step give memory back and have none.
 */
const ARENA = 2;

/** Most bytes of decoded images that are kept per split: core/models/images/image-store.ts. */
const STORE_BYTES = 2 ** 30;
/** A photograph of 500 × 375 pixels, decoded. */
const PHOTOGRAPH_BYTES = 500 * 375 * 3;

/** Bytes of a step's program, or of an evaluation's. */
export const programBytes = ({ memory }: ProgramCost, arena = true): number =>
  memory.weights + memory.live * (arena ? ARENA : 1);

export interface SpaceInputs {
  readonly known: Known;
  readonly plan: Plan;
  readonly trainings: ReadonlyMap<string, TrainingCost>;
  readonly optimizer: Optimizer;
}

/** Peak memory: that of the cell that takes most, on top of what is kept from cell to cell. */
export function memoryEstimate({ known, plan, trainings, optimizer }: SpaceInputs): MemoryEstimate {
  const { config, data, backbones } = known;
  const { sizes } = data;
  const { classes, train, validation = 0, test, pixelBytes } = sizes;
  const { recompute, batchSize } = config.train;
  const work = workOf(config, sizes);
  const [largest] = plan.cells
    .flatMap((cell) => {
      const training = trainings.get(cell.id);
      return training ? [{ cell, parts: cellParts(training) }] : [];
    })
    .sort(
      (a, b) => total(b.parts.device) + total(b.parts.host) - total(a.parts.device) - total(a.parts.host),
    );

  function cellParts({ members, step }: TrainingCost) {
    const predictors = members.map((member) => predictionCost(member, classes, config.evaluation.batchSize));
    const width = total(members.map(({ shape }) => ({ bytes: shape.width })));
    const pixels = total(members.map(({ shape }) => ({ bytes: shape.channels * shape.imageSize ** 2 * 4 })));
    const numbers = step.trainable * 4;
    return {
      device: [
        { what: "training step", bytes: programBytes(step, !recompute) },
        { what: "evaluation", bytes: total(predictors.map((cost) => ({ bytes: programBytes(cost) }))) },
      ],
      host: [
        // Values, gradients summed and made, optimizer state before and after an update.
        { what: "trained parameters and optimizer", bytes: numbers * (4 + 2 * optimizer.slots.length) },
        { what: "batches being prepared", bytes: 2 * batchSize * pixels },
        {
          what: "predictions",
          bytes: (validation + test) * (members.length * classes + classes + width) * 4,
        },
      ],
    };
  }

  const outputs = [...backbones.values()].map(({ config: { vision } }) => {
    const { test, validation, train } = work.zeroShot;
    return { bytes: ((test + validation) * (vision.width + classes) + train * vision.width) * 4 };
  });
  // Of the training images one backbone's at a time.
  outputs.push({ bytes: work.zeroShot.train * classes * 4 });
  const stores = [train, validation, test].map((images) => ({
    bytes: pixelBytes === undefined ? Math.min(STORE_BYTES, images * PHOTOGRAPH_BYTES) : images * pixelBytes,
  }));
  const kept: Part[] = [
    { what: "process", bytes: PROCESS_BYTES },
    { what: "decoded images", bytes: total(stores) },
    { what: "zero-shot logits and features", bytes: total(outputs) },
  ];
  const device = largest?.parts.device ?? [];
  const onHost = config.device === "cpu";
  return {
    host: [...kept, ...(onHost ? device : []), ...(largest?.parts.host ?? [])],
    device: onHost ? [] : device,
    cell: largest?.cell.label ?? "",
  };
}

/** Bytes of a cell's model.json beside the names of its classes, and per class. */
const MODEL_BYTES = { cell: 2000, class: 25 } as const;
/** Bytes per line of predictions.csv beside the file's name. */
const LINE_BYTES = 60;
/** Bytes per class of a cell's tables (CSV and JSON) and of the plot over classes. */
const CLASS_BYTES = 1000;
/** A cell's other plots and files. */
const SMALL_FILES_BYTES = 40e3;
/** Metrics of a training step, as they are kept. */
const STEP_BYTES = 420;

/** What is left on the disk when everything has run. */
export function diskEstimate(inputs: SpaceInputs): DiskEstimate {
  const { known, plan, trainings, optimizer } = inputs;
  const { config, data, backbones } = known;
  const { classes, test } = data.sizes;
  let [checkpoints, logits, strata] = [0, 0, 0];
  for (const cell of plan.cells) {
    const training = trainings.get(cell.id);
    if (training === undefined) continue;
    checkpoints += training.step.trainable * 4 * (1 + optimizer.slots.length);
    logits += test * classes * 4 * training.members.length;
    const { found, zeroShot } = training.strata?.chosen ?? {};
    if (found) strata += total(Object.values(found.tensors).map(({ data }) => ({ bytes: data.byteLength })));
    if (zeroShot) strata += zeroShot.texts.features.byteLength;
  }
  const rows = plan.cells.length + backbones.size;
  const models = mlflowModels(known, plan, trainings);
  const logged = models > 0 ? [{ what: "MLflow models", bytes: models }] : [];
  return {
    runFolder: [
      { what: "checkpoints with optimizer state", bytes: checkpoints },
      { what: "test logits", bytes: logits },
      {
        what: "descriptions",
        bytes: plan.cells.length * (MODEL_BYTES.cell + MODEL_BYTES.class * classes),
      },
      ...(strata > 0 ? [{ what: "strata", bytes: strata }] : []),
      ...logged,
    ],
    tracking: [
      { what: "checkpoints", bytes: checkpoints + strata },
      ...logged,
      { what: "predictions", bytes: rows * test * LINE_BYTES },
      { what: "metrics", bytes: trainings.size * workOf(config, data.sizes).steps * STEP_BYTES },
      { what: "tables and plots", bytes: rows * (classes * CLASS_BYTES + SMALL_FILES_BYTES) },
    ],
    downloads: [...backbones.values()].flatMap(({ label, missingBytes }) =>
      missingBytes > 0 ? [{ what: label, bytes: missingBytes }] : [],
    ),
  };
}

/** Sum of their bytes. */
export const total = (parts: readonly Pick<Part, "bytes">[]): number =>
  parts.reduce((sum, { bytes }) => sum + bytes, 0);
