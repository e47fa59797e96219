import { imageTokens } from "../../models/towers/index.ts";
import type { Plan } from "../plan/index.ts";
import type { KnownBackbone } from "./backbones.ts";
import type { Known, TrainingCost } from "./training.ts";

/** An MLflow model beside its weights: the graph per block, then what every one has. */
const MLFLOW_MODEL_BYTES = { block: 6e3, cell: 15e3 } as const;
/** Larger models are not logged unless the config says so (`models.log`). */
const SMALL_MODEL_BYTES = 64 * 2 ** 20;

/** Weights of an image tower in float32. */
function towerBytes({ config: { vision } }: KnownBackbone): number {
  const { width, mlpWidth, layers, patchSize } = vision;
  const perBlock = 4 * width * width + 2 * width * mlpWidth + 9 * width + mlpWidth;
  return 4 * (layers * perBlock + 3 * patchSize * patchSize * width + (imageTokens(vision) + 5) * width);
}

/** Bytes of the MLflow models of all cells, as `models.log` wants them. */
export function mlflowModels(
  { config, backbones }: Known,
  plan: Plan,
  trainings: ReadonlyMap<string, TrainingCost>,
): number {
  const log = config.models?.log;
  if (log === "none") return 0;
  const sizes = new Map<string, number>();
  let sum = 0;
  for (const { id, recipe, backbones: own, dependsOn } of plan.cells) {
    const towers = own.map(({ label }) => backbones.get(label)!);
    const step = trainings.get(id)?.step;
    const weights = step
      ? Math.max(step.trainable * 4, sumOf(towers.map(towerBytes)))
      : sumOf(dependsOn.map((run) => sizes.get(run) ?? 0));
    sizes.set(id, weights);
    const combines = recipe.mode === "post-hoc";
    if (combines && (recipe.needs?.length || dependsOn.length === 0)) continue;
    if (log !== "all" && weights > SMALL_MODEL_BYTES) continue;
    const blocks = sumOf(towers.map((tower) => tower.config.vision.layers));
    const members = combines ? dependsOn.length / towers.length : 1;
    sum += weights + members * blocks * MLFLOW_MODEL_BYTES.block + MLFLOW_MODEL_BYTES.cell;
  }
  return sum;
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
