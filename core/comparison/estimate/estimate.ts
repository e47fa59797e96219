import type { PluginRegistry } from "../../container/index.ts";
import { adamw, type Optimizer, sgd } from "../../training/optimizers/index.ts";
import type { ComparisonConfig } from "../config/types.ts";
import type { CellBackbone, Plan } from "../plan/index.ts";
import { type KnownBackbone, knownBackbone } from "./backbones.ts";
import { measureSteps } from "./measure.ts";
import { matrixProductRate } from "./rate.ts";
import { knownData } from "./sizes.ts";
import { diskEstimate, memoryEstimate } from "./space.ts";
import { SHARES, timeEstimate } from "./time.ts";
import { type Known, type TrainingCost, trainingCost } from "./training.ts";
import type { EstimateResult, Speed } from "./types.ts";

const optimizers: {
  readonly [K in ComparisonConfig["train"]["optimizer"]["use"]]: (options: never) => Optimizer;
} = { sgd, adamw };

export interface EstimateOptions {
  readonly config: ComparisonConfig;
  readonly plan: Plan;
  readonly registry: PluginRegistry;
  /** Relative paths in plugin options are relative to it. */
  readonly baseDir: string;
  readonly cacheDir: string;
  readonly env: NodeJS.ProcessEnv;
  /** Matrix products per second of the device, in operations; absent: measured where the device is the processor. */
  readonly rate?: number;
  /** Time one step of every kind of training and one batch of evaluation, where the checkpoints are there. */
  readonly measure?: boolean;
}

/**
 * What a plan takes in time, memory and disk, before anything of it is run. A dataset or checkpoint that is not there and
 * whose size nobody publishes is told in a note, not thrown.
 */
export async function estimatePlan(options: EstimateOptions): Promise<EstimateResult> {
  const { config, plan, registry, baseDir, cacheDir, env } = options;
  const notes: string[] = [];
  const { use, options: dataOptions } = config.dataset;
  const found = await knownData(registry.get("dataset", use), dataOptions, { baseDir, cacheDir });
  notes.push(...found.notes);
  const backbones = new Map<string, KnownBackbone>();
  const chosen = new Map(
    plan.cells.flatMap((cell) => cell.backbones.map((own) => [own.label, own] as const)),
  );
  for (const own of chosen.values()) {
    const { backbone, notes: more } = await knownBackbone(registry.get("backbone", own.name), own, {
      baseDir,
      env,
    });
    if (backbone) backbones.set(own.label, backbone);
    notes.push(...more);
  }
  if (!found.data || backbones.size < chosen.size) return { ok: false, notes };

  const known: Known = { config, registry, data: found.data, backbones };
  const trainings = await trainingCosts(known, plan);
  notes.push(...new Set([...trainings.values()].flatMap(({ strata }) => strata?.problem ?? [])));
  const optimizer = optimizers[config.train.optimizer.use](config.train.optimizer.options as never);
  const space = { known, plan, trainings, optimizer };
  const timings = options.measure ? await measureSteps({ known, plan, trainings, optimizer }) : undefined;
  if (timings) notes.push(...timings.notes);
  const speed = timings?.complete ? ({ from: "steps" } as const) : await speedOf(options);
  return {
    ok: true,
    notes,
    estimate: {
      sizes: found.data.sizes,
      microBatch: Object.fromEntries([...trainings].map(([id, { micro }]) => [id, micro])),
      time: timeEstimate({
        known,
        plan,
        trainings,
        ...(speed ? { speed } : {}),
        ...(timings ? { timings } : {}),
      }),
      memory: memoryEstimate(space),
      disk: diskEstimate(space),
      assumes: assumptions(config, speed),
    },
  };
}

/** Cells that differ by seed only have the same training. */
async function trainingCosts(known: Known, { cells }: Plan): Promise<Map<string, TrainingCost>> {
  const byContent = new Map<string, TrainingCost>();
  const costs = new Map<string, TrainingCost>();
  for (const cell of cells) {
    if (cell.kind === "post-hoc") continue;
    const key = JSON.stringify([cell.loss.label, cell.backbones.map(({ label }: CellBackbone) => label)]);
    const cost = byContent.get(key) ?? (await trainingCost(known, cell));
    byContent.set(key, cost);
    costs.set(cell.id, cost);
  }
  return costs;
}

async function speedOf({ rate, config }: EstimateOptions): Promise<Speed | undefined> {
  if (rate !== undefined) return { from: "given", rate };
  if (config.device !== "cpu") return undefined;
  const { threads } = config;
  return { from: "matrix products", rate: await matrixProductRate(threads === undefined ? {} : { threads }) };
}

function assumptions({ train, device }: ComparisonConfig, speed: Speed | undefined): string[] {
  return [
    "operations are those of the matrix products in the graphs that are run",
    ...(speed && "rate" in speed
      ? [
          `a training step reaches ${SHARES.step} of the matrix-product rate, a forward pass ${SHARES.forward}, as a ViT-B/16 does on a processor; small towers reach less`,
        ]
      : []),
    "not counted: preparing images (beside the steps, unless it is slower than they are), estimating strata and priors, KNN, probes, plots, tracking",
    "every cell is run to its end; none is resumed or taken from an earlier comparison",
    ...(device === "cpu"
      ? []
      : [
          `the device holds ${train.microBatchSize ?? train.batchSize} images at once; a smaller train.microBatchSize, or train.recompute, takes less memory. Its memory was not compared with a real device's`,
        ]),
  ];
}
