import type { PluginRegistry } from "../../container/index.ts";
import { createGraph, sizeOf } from "../../graph/index.ts";
import type { StratumSource } from "../../plugin-api/index.ts";
import { buildMembers, type FinetuneOptions, type Member } from "../../training/finetune.ts";
import { automaticMicroBatch } from "../../training/micro-batch.ts";
import type { ComparisonConfig } from "../config/types.ts";
import type { Cell } from "../plan/index.ts";
import type { KnownBackbone } from "./backbones.ts";
import { type StepCost, stepCost } from "./graphs.ts";
import type { KnownData } from "./sizes.ts";
import { type ProbedStrata, probeStrata } from "./strata.ts";

/** What the estimate of a comparison is made from. */
export interface Known {
  readonly config: ComparisonConfig;
  readonly registry: PluginRegistry;
  readonly data: KnownData;
  /** By label. */
  readonly backbones: ReadonlyMap<string, KnownBackbone>;
}

/** The training of a cell; the same for every seed. */
export interface TrainingCost {
  readonly members: readonly Member[];
  readonly loss: FinetuneOptions["loss"];
  /** Images per pass. */
  readonly micro: number;
  /** One micro-batch. */
  readonly step: StepCost;
  readonly strata?: ProbedStrata;
}

/** Builds the training graph of a cell as training would, with weights that are nowhere or where they are. */
export async function trainingCost(known: Known, cell: Cell): Promise<TrainingCost> {
  const { config, registry, data, backbones } = known;
  const { batchSize, recompute, microBatchSize } = config.train;
  const { classes } = data.sizes;
  const { recipe } = cell;
  const peft = config.peft.map(({ use, options }) => ({ plugin: registry.get("peft", use), options }));
  const own = cell.backbones.map(({ label }) => backbones.get(label)!);
  const strata =
    recipe.mode === "single" && recipe.strata
      ? await probeStrata(
          recipe.strata,
          registry.get("strata", recipe.strata.use) as StratumSource,
          own[0]!,
          classes,
        )
      : undefined;
  const members = own.map(
    ({ config: { vision }, locate }, m): Member => ({
      prefix: own.length === 1 ? "" : `stratum${m}.`,
      shape: vision,
      locate,
      headType: config.head.type,
      headScale: config.head.scale,
      peft,
      load: async () => {},
      ...(strata?.chosen ? { strata: strata.chosen } : {}),
    }),
  );
  const loss = lossOf(known, cell);
  const micro = microBatchSize ?? (recipe.mode === "single" && recipe.wholeBatch ? batchSize : suited());
  return {
    members,
    loss,
    micro,
    step: stepCost(members, classes, { loss, batch: micro, recompute }),
    ...(strata ? { strata } : {}),
  };

  function suited(): number {
    const params = buildMembers(createGraph(), members, classes, 1).flatMap((model) => model.params);
    const trainable = params.reduce((sum, { value }) => sum + sizeOf(value.shape), 0);
    return automaticMicroBatch(batchSize, members, trainable, { device: config.device, recompute });
  }
}

/** The loss with priors of the right form. */
function lossOf(
  { data: { sizes, classCounts }, config }: Known,
  { recipe, needsPretrainPrior }: Cell,
): FinetuneOptions["loss"] {
  const { classes } = sizes;
  return (g, logits, labels, models) => {
    const even = () => g.constant(new Float32Array(classes).fill(1 / classes), [classes]);
    if (recipe.mode === "post-hoc") throw new TypeError("a post-hoc cell is not trained");
    if (recipe.mode === "joint") {
      const strataPrior = logits.map(() => 1 / logits.length);
      return recipe.build(g, { logits, labels, classPrior: even(), strataPrior });
    }
    return recipe.build(g, {
      logits: logits[0]!,
      labels,
      classPrior: even(),
      classCounts,
      headScale: config.head.scale,
      ...(needsPretrainPrior ? { pretrainPrior: even() } : {}),
      // Strata that could not be made are left out: the whole prediction stands for one.
      ...(recipe.strata ? { strata: models[0]!.strata ?? [{ logits: logits[0]!, mass: 1 }] } : {}),
    });
  };
}
