import type { PluginRegistry } from "../../container/index.ts";
import { ConfigError } from "../../errors.ts";
import type { ComparisonConfig } from "../config/types.ts";
import { contentHash } from "./canonical-json.ts";
import { labelsOf, slug } from "./labels.ts";
import { type LossEntry, orderLosses } from "./losses.ts";
import { sharedWork } from "./shared-work.ts";
import type { Cell, CellBackbone, Plan } from "./types.ts";

/**
 * What a comparison comes to: a cell per loss, seed and, for losses over one model, backbone. Pure: the same config
 * and plugins give the same plan.
 * @throws ConfigError where losses, their bases and the backbones do not fit together.
 */
export function planComparison(config: ComparisonConfig, registry: PluginRegistry): Plan {
  const backbones = labelledBackbones(config);
  const losses = orderLosses(config, registry);
  const common = determinants(config);
  const cells = config.seeds.flatMap((seed) => {
    const trained = new Map<LossEntry, readonly Cell[]>();
    for (const entry of losses) {
      const groups = entry.recipe.mode === "single" ? backbones.map((backbone) => [backbone]) : [backbones];
      const dependencies = entry.base ? trained.get(entry.base)! : [];
      trained.set(
        entry,
        groups.map((group) => makeCell(entry, group, seed, dependencies, common)),
      );
    }
    return [...trained.values()].flat();
  });
  return { cells, shared: sharedWork(config, cells) };
}

/** Everything but loss, backbones and seed that determines a cell's result. Not: device, threads, recomputation, folders, names. */
function determinants(config: ComparisonConfig): Readonly<Record<string, unknown>> {
  const { dataset, peft, head, prompts, train, evaluation } = config;
  const { batchSize: _batchSize, tte, expand, ...measured } = evaluation;
  const { recompute: _recompute, ...trained } = train;
  return {
    dataset: content(dataset),
    // As they were before there were lists and test-time ensembles, so that such cells keep their ids.
    peft: peft.length > 1 ? peft.map(content) : peft[0] ? content(peft[0]) : null,
    head,
    prompts,
    train: trained,
    evaluation: tte === "none" ? measured : { ...measured, tte, expand },
  };
}

const content = ({ use, options }: { readonly use: string; readonly options: unknown }) => ({ use, options });

function labelledBackbones({ backbones }: ComparisonConfig): CellBackbone[] {
  const labels = labelsOf(backbones);
  const repeated = labels.findIndex((label, index) => labels.indexOf(label) !== index);
  if (repeated >= 0) {
    throw new ConfigError(`/backbones/${repeated}`, `two backbones are called "${labels[repeated]}"`, {
      hint: "give them different labels",
    });
  }
  return backbones.map(({ use, options }, index) => ({ name: use, label: labels[index]!, options }));
}

function makeCell(
  { choice, label, recipe, implied }: LossEntry,
  backbones: readonly CellBackbone[],
  seed: number,
  dependencies: readonly Cell[],
  common: Readonly<Record<string, unknown>>,
): Cell {
  const determining = {
    ...common,
    loss: content(choice),
    backbones: backbones.map(({ name, options }) => ({ use: name, options })),
  };
  const of = (cells: readonly Cell[], field: "id" | "group") => cells.map((cell) => cell[field]);
  const id = contentHash({ ...determining, seed, dependsOn: of(dependencies, "id") });
  const backboneLabel = backbones.map((backbone) => backbone.label).join(" + ");
  return {
    id,
    group: contentHash({ ...determining, dependsOn: of(dependencies, "group") }),
    key: `${slug(label)}_${slug(backboneLabel)}_s${seed}_${id}`,
    label: `${label} · ${backboneLabel} · seed ${seed}`,
    kind: recipe.mode,
    loss: { name: choice.use, label, options: choice.options },
    recipe,
    backbones,
    seed,
    dependsOn: of(dependencies, "id"),
    needsPretrainPrior: recipe.mode === "single" && recipe.needs.includes("pretrainPrior"),
    implied,
  };
}
