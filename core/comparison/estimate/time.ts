import type { Plan } from "../plan/index.ts";
import { type ProgramCost, predictionCost, textCost, zeroShotCost } from "./graphs.ts";
import type { Known, TrainingCost } from "./training.ts";
import type { CellCost, Cost, SharedCost, Speed, TimeEstimate } from "./types.ts";
import { frozenImages, type Work, workOf } from "./work.ts";

/**
 * Share of the matrix-product rate that a training step and a forward pass of a ViT-B/16 reach; the rest is memory
 * traffic. Measured: docs/benchmarks.md.
 */
export const SHARES = { step: 0.87, forward: 0.95 } as const;

/** Seconds of one step and of one evaluation batch, where they were timed. */
export interface Timings {
  /** One update of a cell, by cell id. */
  readonly steps: ReadonlyMap<string, number>;
  /** One batch of evaluation, by label of the backbone. */
  readonly batches: ReadonlyMap<string, number>;
}

/** Tokens of a prompt: about "a photo of a …" with a class name of a few words. */
const PROMPT_TOKENS = 16;
const TEXT_BATCH = 64;

export interface TimeInputs {
  readonly known: Known;
  readonly plan: Plan;
  /** By cell id; post-hoc cells have none. */
  readonly trainings: ReadonlyMap<string, TrainingCost>;
  /** Matrix products per second: given, or measured. */
  readonly speed?: Speed;
  readonly timings?: Timings;
}

/** What every cell and the work they share take. */
export function timeEstimate({ known, plan, trainings, speed, timings }: TimeInputs): TimeEstimate {
  const { config, data } = known;
  const { classes } = data.sizes;
  const work = workOf(config, data.sizes);
  const batch = config.evaluation.batchSize;
  const rate = speed && "rate" in speed ? speed.rate : undefined;
  const cost = (images: number, operations: number, share: number, timed?: number): Cost => ({
    images,
    operations,
    ...(timed !== undefined ? { seconds: timed } : rate ? { seconds: operations / (rate * share) } : {}),
  });
  const evaluated = new Map<string, ProgramCost>();
  const cells = plan.cells.map(({ id, label, backbones }): CellCost => {
    const training = trainings.get(id);
    if (training === undefined) return { id, label, training: nothing(speed), evaluation: nothing(speed) };
    const { members, micro, step, strata } = training;
    const passes = (work.steps * config.train.batchSize) / micro;
    const timedStep = timings?.steps.get(id);
    const predictions = members.map((member, m) => {
      const key = `${backbones[m]!.label}/${strata ? id : ""}`;
      const known = evaluated.get(key) ?? predictionCost(member, classes, batch);
      evaluated.set(key, known);
      return { ...known, timed: timings?.batches.get(backbones[m]!.label) };
    });
    const timed = predictions.every((own) => own.timed !== undefined)
      ? sum(predictions.map((own) => own.timed! * work.evaluationBatches))
      : undefined;
    return {
      id,
      label,
      training: cost(
        passes * micro * members.length,
        passes * step.flops,
        SHARES.step,
        timedStep === undefined ? undefined : timedStep * work.steps,
      ),
      evaluation: cost(
        work.evaluationBatches * batch * members.length,
        work.evaluationBatches * sum(predictions.map(({ flops }) => flops)),
        SHARES.forward,
        timed,
      ),
    };
  });
  const shared = sharedCosts(known, plan, trainings, work).map(
    ({ what, of, images, operations, tower = false }): SharedCost => {
      const one = timings?.batches.get(of);
      const timed = one === undefined || !tower ? undefined : (one * images) / batch;
      return { what, of, ...cost(images, operations, SHARES.forward, timed) };
    },
  );
  const training = added(cells.map((cell) => cell.training));
  const evaluation = added([...cells.map((cell) => cell.evaluation), ...shared]);
  const total = added([training, evaluation]);
  return { cells, shared, training, evaluation, total, ...(speed ? { speed } : {}) };
}

interface SharedWork extends Omit<SharedCost, "seconds"> {
  /** Whether it is the image tower's. */
  readonly tower?: boolean;
}

function sharedCosts(
  { backbones, config, data }: Known,
  { cells }: Plan,
  trainings: TimeInputs["trainings"],
  { views, zeroShot, headFeatures }: Work,
): SharedWork[] {
  const { classes, train } = data.sizes;
  const batch = config.evaluation.batchSize;
  const texts = classes * config.prompts.length;
  const textBatch = Math.min(TEXT_BATCH, texts);
  return [...backbones.values()].flatMap((backbone) => {
    const { label: of } = backbone;
    const { flops } = zeroShotCost(backbone, classes, batch);
    const own = cells.filter(
      (cell) => trainings.has(cell.id) && cell.backbones.some(({ label }) => label === of),
    );
    const reads = own.map(({ id }) => trainings.get(id)!.strata?.reads);
    const everyZeroShot = zeroShot.train > 0 || reads.some((read) => read?.zeroShot === true);
    const needed =
      reads.some((read) => read?.features === true) ||
      (headFeatures.images > 0 && !headFeatures.perSeed && own.length > 0);
    const drawings = headFeatures.perSeed ? new Set(own.map(({ seed }) => seed)).size : 0;
    const features =
      drawings * frozenImages(headFeatures.images, 1, batch) +
      (needed && zeroShot.train === 0 ? frozenImages(train, 1, batch) : 0);
    const frozen =
      frozenImages(zeroShot.test, views, batch) +
      frozenImages(zeroShot.validation, 1, batch) +
      (everyZeroShot ? frozenImages(train, 1, batch) : 0);
    const length = Math.min(PROMPT_TOKENS, backbone.config.text.contextLength);
    const through = (images: number) => ({ images, operations: images * (flops / batch), tower: true });
    return [
      {
        what: "text features" as const,
        of,
        images: 0,
        operations: Math.ceil(texts / textBatch) * textCost(backbone, textBatch, length).flops,
      },
      { what: "zero-shot" as const, of, ...through(frozen) },
      ...(features > 0 ? [{ what: "training features" as const, of, ...through(features) }] : []),
    ];
  });
}

const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);

const nothing = (speed: Speed | undefined): Cost => ({
  images: 0,
  operations: 0,
  ...(speed ? { seconds: 0 } : {}),
});

/** Their sum; seconds where each has them, and of those that have them where some do. */
function added(costs: readonly Cost[]): Cost {
  const timed = costs.flatMap(({ seconds }) => seconds ?? []);
  return {
    images: sum(costs.map(({ images }) => images)),
    operations: sum(costs.map(({ operations }) => operations)),
    ...(timed.length > 0 ? { seconds: sum(timed) } : {}),
  };
}
